-- Count the movements of the days that changed.
-- grain: one row per day
-- as_of timestamptz: `now` of the roll-up
insert into kpi.list_daily as known (
    day, joined, unsubscribed, bounced, complained, sunset, withdrawn, erased, returned, as_of
)
select
    changed.day,
    count(*) filter (where list_movement.movement = 'joined') as joined,
    count(*) filter (where list_movement.movement = 'unsubscribed') as unsubscribed,
    count(*) filter (where list_movement.movement = 'bounced') as bounced,
    count(*) filter (where list_movement.movement = 'complained') as complained,
    count(*) filter (where list_movement.movement = 'sunset') as sunset,
    count(*) filter (where list_movement.movement = 'withdrawn') as withdrawn,
    count(*) filter (where list_movement.movement = 'erased') as erased,
    count(*) filter (where list_movement.movement = 'returned') as returned,
    cast(:as_of as timestamptz) as as_of
from (select distinct kpi_list_day.day from kpi_list_day) as changed
left join kpi.list_movement on changed.day = list_movement.day
group by changed.day
on conflict (day) do update
    set
        joined = excluded.joined,
        unsubscribed = excluded.unsubscribed,
        bounced = excluded.bounced,
        complained = excluded.complained,
        sunset = excluded.sunset,
        withdrawn = excluded.withdrawn,
        erased = excluded.erased,
        returned = excluded.returned,
        as_of = excluded.as_of
