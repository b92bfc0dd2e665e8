create schema journey;
comment on schema journey is
'Stage 3, journeys: who is in which series, at which step, in which arm, when it ended and why.';

create table journey.campaign (
    campaign text primary key,
    topic text not null,
    is_marketing boolean not null,
    segment text not null,
    goal_event text not null,
    goal_within_days numeric(8, 3) not null,
    goal_target_ratio numeric(8, 6),
    goal_until date,
    exit_on text[] not null,
    holdout_ratio numeric(8, 6) not null,
    priority integer not null,
    definition jsonb not null,
    definition_md5 text not null,
    published_at timestamptz not null default now(),
    goal_from date,
    credit_model text not null default 'sent' check (credit_model in ('sent', 'opened', 'clicked')),
    credit_within_days numeric(8, 3)
);

comment on table journey.campaign is 'Campaigns as last published from their files, one row per campaign.';
comment on column journey.campaign.campaign is 'Name in include/campaigns/<name>.yaml.';
comment on column journey.campaign.topic is 'Topic in include/topics.yaml.';
comment on column journey.campaign.is_marketing is 'False = transactional: no holdout, no cap.';
comment on column journey.campaign.segment is 'Segment as in segment.membership.';
comment on column journey.campaign.goal_event is 'What counts as a conversion.';
comment on column journey.campaign.goal_within_days is 'Conversion window, days of 24 hours.';
comment on column journey.campaign.goal_target_ratio is 'Target conversion ratio, if set.';
comment on column journey.campaign.goal_until is 'Target''s date, if set.';
comment on column journey.campaign.exit_on is 'Facts that end a series early.';
comment on column journey.campaign.holdout_ratio is 'Share of enrolled customers that gets nothing.';
comment on column journey.campaign.priority is 'Which campaign gets a customer''s day; the higher wins.';
comment on column journey.campaign.definition is 'The file as read.';
comment on column journey.campaign.definition_md5 is 'Checksum of the definition: an approval holds for it.';
comment on column journey.campaign.published_at is 'When this definition was last written here.';
comment on column journey.campaign.credit_model is
'The touch by which its mails take credit for orders: sent, opened, clicked.';
comment on column journey.campaign.credit_within_days is
'Days of 24 hours after that touch in which orders are credited; null = goal_within_days.';
comment on column journey.campaign.goal_from is 'Date from which the target counts; null = from the first mail.';

-- By which shares and goal series began. A result may only compare people who were dealt alike.
create table journey.epoch (
    campaign text not null,
    epoch integer not null,
    began_at timestamptz not null,
    holdout_ratio numeric(8, 6) not null,
    variants jsonb not null,
    goal_event text not null,
    goal_within_days numeric(8, 3) not null,
    primary key (campaign, epoch)
);

comment on table journey.epoch is
'Shares, variants and goal by which series began, one row per campaign and epoch; an epoch ends where the next begins.';
comment on column journey.epoch.campaign is 'Campaign.';
comment on column journey.epoch.epoch is 'Number, from 1.';
comment on column journey.epoch.began_at is
'as_of of the first run that planned with them; just after the latest as_of planned before, if that is not earlier.';
comment on column journey.epoch.holdout_ratio is 'Share of enrolled customers that gets nothing.';
comment on column journey.epoch.variants is 'Steps with variants: step, variant and its share.';
comment on column journey.epoch.goal_event is 'What counts as a conversion.';
comment on column journey.epoch.goal_within_days is 'Conversion window, days of 24 hours.';

create table journey.enrollment (
    enrollment_id bigint generated always as identity primary key,
    campaign text not null,
    customer_id text not null,
    occurrence text not null,
    occurred_at timestamptz not null,
    context jsonb not null default '{}',
    enrolled_at timestamptz not null,
    is_holdout boolean not null,
    ended_at timestamptz,
    end_reason text,
    joined integer not null default 0,
    epoch integer not null default 1,
    continues bigint,
    steps_from timestamptz,
    -- `customer_id` first: the index of the key also finds a customer's series.
    unique (customer_id, campaign, occurrence)
);
-- No statement looks up a series by its whole snapshot. Without this line, `analyze` spends most of its time on it.
alter table journey.enrollment alter column context set statistics 0;
create unique index enrollment_running on journey.enrollment (campaign, customer_id) where ended_at is null;
-- The expression is journey.thing_of(context): what the series is about, if that may move to another customer.
create index enrollment_thing on journey.enrollment (
    coalesce(context ->> 'cart_id', (context ->> 'order_id') || '/' || (context ->> 'product_id'))
)
where coalesce(context ->> 'cart_id', (context ->> 'order_id') || '/' || (context ->> 'product_id')) is not null;
create index enrollment_continues on journey.enrollment (continues, enrollment_id) where continues is not null;
create index enrollment_continued on journey.enrollment (enrollment_id, continues) where continues is not null;

comment on table journey.enrollment is
'Series of customers, one row per campaign, customer and occurrence; at most one is running per campaign and '
'customer.';
comment on column journey.enrollment.enrollment_id is 'One customer in one series.';
comment on column journey.enrollment.campaign is 'Campaign.';
comment on column journey.enrollment.customer_id is 'Customer.';
comment on column journey.enrollment.occurrence is 'Which time this is.';
comment on column journey.enrollment.occurred_at is 'When the occurrence happened.';
comment on column journey.enrollment.context is
'Snapshot at entry; leaving the segment changes nothing. A newer one replaces it where the campaign says so. A series '
'of several occurrences has the key occurrences: the snapshots of all that have not ended, and its own first.';
comment on column journey.enrollment.enrolled_at is
'as_of of the run that enrolled; steps count from here, unless steps_from says otherwise.';
comment on column journey.enrollment.is_holdout is 'Gets nothing, so that lift is measured.';
comment on column journey.enrollment.ended_at is 'When the series ended; null = running.';
comment on column journey.enrollment.end_reason is 'Completed, converted, superseded, unsubscribed, cart_emptied…';
comment on column journey.enrollment.joined is
'Occurrences that became part of the series besides its own; each has a row in journey.occurrence.';
comment on column journey.enrollment.epoch is 'Epoch in which it began, see journey.epoch.';
comment on column journey.enrollment.continues is
'First series of the same cart or purchase, which this one goes on with for another customer; null = it goes on with '
'none.';
comment on column journey.enrollment.steps_from is
'When that first series began, from which the steps count; null = they count from enrolled_at.';

-- What became of occurrences that did not simply begin a series of their own. A million occurrences that did have
-- their row in journey.enrollment, and none here. journey.occurrence_fate shows both.
create table journey.occurrence (
    customer_id text not null,
    campaign text not null,
    occurrence text not null,
    occurred_at timestamptz not null,
    fate text not null check (fate in ('enrolled', 'joined', 'taken_over', 'waiting')),
    reason text,
    decided_at timestamptz not null,
    enrollment_id bigint,
    context jsonb,
    ended_at timestamptz,
    end_reason text,
    primary key (customer_id, campaign, occurrence),
    check ((fate = 'waiting') = (reason is not null)),
    check ((fate = 'waiting') = (enrollment_id is null))
);
alter table journey.occurrence alter column context set statistics 0;
create index occurrence_part on journey.occurrence (enrollment_id) where fate in ('enrolled', 'joined');
create index occurrence_open on journey.occurrence (campaign, enrollment_id)
where fate in ('enrolled', 'joined') and ended_at is null;
create index occurrence_thing on journey.occurrence (
    coalesce(context ->> 'cart_id', (context ->> 'order_id') || '/' || (context ->> 'product_id'))
)
where
fate in ('enrolled', 'joined')
and coalesce(context ->> 'cart_id', (context ->> 'order_id') || '/' || (context ->> 'product_id')) is not null;
create index occurrence_waiting on journey.occurrence (campaign, decided_at) where fate = 'waiting';

comment on table journey.occurrence is
'Occurrences that share a series, gave it their context, or wait: one row per campaign, customer and occurrence. An '
'occurrence with a series of its own has no row here; see journey.occurrence_fate.';
comment on column journey.occurrence.customer_id is 'Customer.';
comment on column journey.occurrence.campaign is 'Campaign.';
comment on column journey.occurrence.occurrence is 'Which time this is, as in segment.membership.';
comment on column journey.occurrence.occurred_at is 'When the occurrence happened.';
comment on column journey.occurrence.fate is
'enrolled: it began a series that others joined; joined: it became part of a series; taken_over: the series goes on '
'with its context; waiting: it has no series, and is looked at again.';
comment on column journey.occurrence.reason is
'Why it waits: series_running, or reentered_too_soon (reenter_after_days).';
comment on column journey.occurrence.decided_at is 'as_of of the run that gave it this fate and reason.';
comment on column journey.occurrence.enrollment_id is 'Series; null = none.';
comment on column journey.occurrence.context is 'Its snapshot, if it is one of several occurrences of a series.';
comment on column journey.occurrence.ended_at is
'When the occurrence ended inside a shared series, by itself or with it; null = it goes on.';
comment on column journey.occurrence.end_reason is 'Why it ended, as in journey.enrollment.';

create table journey.step_due (
    step_due_id bigint generated always as identity,
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    customer_id text not null,
    variant text not null,
    due_at timestamptz not null,
    noticed_at timestamptz not null,
    -- Two transactions decide a run's steps at the same time, one lane each. All steps of a series lie in one lane.
    lane smallint generated always as (mod(enrollment_id, 2)) stored,
    refusal text,
    after_end boolean not null default false,
    -- Due steps are read per campaign, in order.
    primary key (campaign, step_due_id),
    unique (enrollment_id, step)
);

comment on table journey.step_due is 'Steps that came due, one row per enrollment and step.';
comment on column journey.step_due.step_due_id is 'Order in which steps came due, within a campaign.';
comment on column journey.step_due.enrollment_id is 'Enrollment.';
comment on column journey.step_due.step is 'Step of the campaign file.';
comment on column journey.step_due.campaign is 'Campaign.';
comment on column journey.step_due.customer_id is 'Customer.';
comment on column journey.step_due.variant is 'Arm of the step''s variants; ''default'' if there are none.';
comment on column journey.step_due.due_at is
'When it is due, as the campaign file says; if that is never known, or the series ended first, when it was noticed.';
comment on column journey.step_due.noticed_at is 'as_of of the run that noticed.';
comment on column journey.step_due.refusal is
'Why no mail goes out for it whatever else holds: added_later, step_gone, already_sent, base_not_sent, moment_unknown, '
'date_past; null = nothing of the kind.';
comment on column journey.step_due.after_end is 'It follows the end of the series, which does not refuse it.';
comment on column journey.step_due.lane is 'Which of the two transactions decides it: 0 = even enrollment_id, 1 = odd.';

-- The step that a series awaits, in a narrow row of its own. A change at every step would otherwise rewrite the
-- snapshot and every index of the enrollment.
create table journey.upcoming (
    enrollment_id bigint primary key,
    campaign text not null,
    due_at timestamptz not null,
    step text
);
create index upcoming_due on journey.upcoming (campaign, due_at);

comment on table journey.upcoming is
'When series are looked at next, one row per enrollment with a step left, or with steps that may follow its end.';
comment on column journey.upcoming.enrollment_id is 'Enrollment.';
comment on column journey.upcoming.campaign is 'Campaign.';
comment on column journey.upcoming.due_at is
'When that step is due; as_of of the last look if that is not known yet, or if the series ended; infinity = only the '
'end of the series brings a step.';
comment on column journey.upcoming.step is
'First step not yet due, by name; null = none is left in the file, and the next run notes what was taken out of it.';

-- The steps by which series await: what a run compares its campaign file with.
create table journey.step (
    campaign text not null,
    step text not null,
    after_hours double precision,
    taken_out_after bigint,
    due jsonb,
    primary key (campaign, step)
);

comment on table journey.step is 'Steps that campaigns have or had, one row per campaign and step.';
comment on column journey.step.campaign is 'Campaign.';
comment on column journey.step.step is 'Name in the campaign file.';
comment on column journey.step.after_hours is
'Hours after the enrollment, as the file last said; null = `due` says when.';
comment on column journey.step.due is
'When it is due, if not so many hours after the enrollment: what the file last said of it.';
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

-- When each campaign last planned. A campaign that stands still is reported, whatever the cause.
create table journey.planning (
    campaign text primary key,
    counted_from timestamptz not null,
    last_as_of timestamptz,
    last_planned_at timestamptz,
    begun_as_of timestamptz
);

comment on table journey.planning is 'When campaigns planned, one row per campaign that planned or is watched.';
comment on column journey.planning.campaign is 'Campaign.';
comment on column journey.planning.counted_from is
'Missed plannings count from here: when the campaign was first seen, or was last seen paused.';
comment on column journey.planning.last_as_of is 'Latest as_of planned to the end; null = never.';
comment on column journey.planning.last_planned_at is 'When a planning last came to its end; null = never.';
comment on column journey.planning.begun_as_of is
'Latest as_of for which a planning began, null = never; a run for an earlier one is late.';

-- What a campaign tells a person to look after.
create table journey.alert (
    alert_id bigint generated always as identity primary key,
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    customer_id text not null,
    word text not null,
    about jsonb not null default '{}',
    raised_at timestamptz not null,
    seen_at timestamptz,
    seen_by text,
    unique (enrollment_id, step)
);
create index alert_unseen on journey.alert (raised_at) where seen_at is null;

comment on table journey.alert is 'What a person should look after, one row per enrollment and step that says so.';
comment on column journey.alert.alert_id is 'Order of alerts.';
comment on column journey.alert.enrollment_id is 'Series.';
comment on column journey.alert.step is 'Step after its end that raised it.';
comment on column journey.alert.campaign is 'Campaign.';
comment on column journey.alert.customer_id is 'Customer.';
comment on column journey.alert.word is 'What it is, a word of the campaign file.';
comment on column journey.alert.about is 'Keys of the series'' snapshot that name an order, a product, a booking…';
comment on column journey.alert.raised_at is 'now of the run that decided the step.';
comment on column journey.alert.seen_at is 'When a person took it up; null = open.';
comment on column journey.alert.seen_by is 'Who.';
