-- Keep for later the turns of the list that are dated ahead.
-- grain: one row per turn
-- now timestamptz
with ahead as (
    delete from kpi_turn
    where kpi_turn.turned_at > cast(:now as timestamptz)
    returning
        kpi_turn.customer_id,
        kpi_turn.turned_at
)

insert into kpi.ahead (happens_at, about, customer_id)
select
    ahead.turned_at as happens_at,
    'list' as about,
    ahead.customer_id
from ahead
