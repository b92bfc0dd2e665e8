-- Those who enter, if all that is due to a customer shares one series: the newest occurrence begins it.
-- grain: one row per customer
-- look-back: none
create temporary view entering as
select
    entrant.customer_id,
    entrant.occurrence,
    entrant.occurred_at,
    entrant.entered_at
from entrant
where entrant.place = 1 and not entrant.joins
