-- Create monthly partitions of raw events.
-- grain: one row per month
-- months json: first days of months
select installation.ensure_month('event.event', cast(month.first_day as timestamptz)) as partition
from json_array_elements_text(cast(:months as json)) as month (first_day)
