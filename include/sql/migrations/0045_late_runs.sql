-- The latest moment for which a campaign has begun to plan: a run for an earlier one is late, and uses nothing up.
alter table journey.planning add column begun_as_of timestamptz;

update journey.planning
set begun_as_of = last_as_of
where last_as_of is not null;

comment on column journey.planning.begun_as_of is
'Latest as_of for which a planning began, null = never; a run for an earlier one is late.';
