-- When each campaign planned last: a campaign that stands still is named, whatever holds it up.
create table journey.planning (
    campaign text primary key,
    counted_from timestamptz not null,
    last_as_of timestamptz,
    last_planned_at timestamptz
);

comment on table journey.planning is 'When campaigns planned, one row per campaign that planned or is watched.';
comment on column journey.planning.campaign is 'Campaign.';
comment on column journey.planning.counted_from is
'Plannings are missed from here on: when the campaign was first seen, or was last seen paused.';
comment on column journey.planning.last_as_of is 'Latest as_of planned to the end; null = never.';
comment on column journey.planning.last_planned_at is 'When a planning last came to its end; null = never.';
