-- Loads of feeds that are not rolled up yet. There are none while no step exists that a fact could count for.
-- grain: one row per load
-- look-back: loads that are not finished and rolled up
select load.load_id
from source.load
where
    not exists (select 1 from kpi.rolled_load where rolled_load.load_id = load.load_id)
    and exists (select 1 from kpi.step_outcome)
order by load.load_id
