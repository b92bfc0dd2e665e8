-- Those who enter, if each customer's newest candidate begins a series.
-- grain: one row per customer
-- look-back: none
create temporary view entering as
select
    candidate.customer_id,
    candidate.occurrence,
    candidate.occurred_at,
    candidate.entered_at
from candidate
where candidate.place = 1 and not candidate.is_too_soon
