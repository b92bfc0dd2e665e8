-- Record which loads of feeds this roll-up has taken in.
-- grain: one row per load
-- as_of timestamptz: `now` of the roll-up
insert into kpi.rolled_load (load_id, as_of)
select
    load.load_id,
    cast(:as_of as timestamptz) as as_of
from source.load
where
    load.finished_at is not null
    and not exists (select 1 from kpi.rolled_load where rolled_load.load_id = load.load_id)
