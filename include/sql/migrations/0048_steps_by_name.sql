-- Series await steps by name. The first run of each campaign computes what its series await, by its present file.
alter table journey.upcoming drop column position;
alter table journey.upcoming add column step text;
alter table journey.step_due add column refusal text;

comment on column journey.upcoming.step is
'First step not yet due, by name; null = none is left in the file, and the next run notes what was taken out of it.';
comment on column journey.step_due.refusal is
'Why no mail goes out for it whatever else holds: added_later, step_gone; null = nothing of the kind.';

create table journey.step (
    campaign text not null,
    step text not null,
    after_hours double precision not null,
    taken_out_after bigint,
    primary key (campaign, step)
);

comment on table journey.step is 'Steps that campaigns have or had, one row per campaign and step.';
comment on column journey.step.campaign is 'Campaign.';
comment on column journey.step.step is 'Name in the campaign file.';
comment on column journey.step.after_hours is 'Hours after the enrollment, as the file last said.';
comment on column journey.step.taken_out_after is
'Highest enrollment_id when the file lost it: older series had it; null = it is in the file.';

create table journey.progress (
    campaign text primary key,
    noticed_until timestamptz,
    has_changed boolean not null default false
);

comment on table journey.progress is 'How far each campaign has noticed its due steps, one row per campaign.';
comment on column journey.progress.campaign is 'Campaign.';
comment on column journey.progress.noticed_until is 'Latest as_of whose due steps are noted; null = none.';
comment on column journey.progress.has_changed is
'Its steps changed at some time: a step later in the file may have been noted before an earlier one.';

-- A decision to send whose step was gone when mails were written has a cancelled mail that was never written.
alter table message.message alter column shell_id drop not null;
comment on column message.message.shell_id is
'Shared part; null = none was ever written: cancelled at planning, the reason says why.';
