-- Record which loads of feeds this roll-up has taken in.
-- grain: one row per load
insert into kpi.rolled_load (load_id)
select load.load_id
from source.load
where
    load.finished_at is not null
    and not exists (select 1 from kpi.rolled_load where rolled_load.load_id = load.load_id)
