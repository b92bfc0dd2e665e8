-- Stage 3, journeys: who is in which series, at which step, in which arm, when it ended and why.
create schema journey;

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
    published_at timestamptz not null default now()
);

create table journey.enrollment (
    enrollment_id bigint generated always as identity primary key,
    campaign text not null,
    customer_id text not null,
    occurrence text not null,
    occurred_at timestamptz not null,
    context jsonb not null default '{}',
    enrolled_at timestamptz not null,
    is_holdout boolean not null,
    next_position integer not null default 0,
    next_due_at timestamptz,
    ended_at timestamptz,
    end_reason text,
    unique (campaign, customer_id, occurrence)
);
create unique index enrollment_running on journey.enrollment (campaign, customer_id) where ended_at is null;
create index enrollment_next on journey.enrollment (campaign, next_due_at) where next_due_at is not null;
create index enrollment_customer on journey.enrollment (customer_id);

create table journey.step_due (
    step_due_id bigint generated always as identity primary key,
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    customer_id text not null,
    variant text not null,
    due_at timestamptz not null,
    noticed_at timestamptz not null,
    unique (enrollment_id, step)
);
create index step_due_campaign on journey.step_due (campaign, step_due_id);

-- A number in [0, 1) that is always the same for the same text: who is held out, who gets which variant.
create function journey.ratio_of(key text) returns double precision
language sql immutable parallel safe as $$
    select ('x' || substr(md5(key), 1, 8))::bit(32)::bigint / 4294967296.0::double precision
$$;

-- The variant of `key` among [{"variant": …, "up_to": …}, …], cumulative shares in file order.
create function journey.variant_of(key text, variants jsonb) returns text
language sql immutable parallel safe as $$
    select coalesce(
        (
            select arm.variant
            from jsonb_to_recordset(variants) as arm (variant text, up_to double precision)
            where journey.ratio_of(key) < arm.up_to
            order by arm.up_to
            limit 1
        ),
        'default'
    )
$$;

comment on schema journey is
'Stage 3, journeys: who is in which series, at which step, in which arm, when it ended and why.';

comment on table journey.campaign is 'Campaigns as last published from their files, one row a campaign.';
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
comment on column journey.campaign.priority is 'Who wins a customer''s day; higher wins.';
comment on column journey.campaign.definition is 'The file as read.';
comment on column journey.campaign.definition_md5 is 'What an approval holds for.';
comment on column journey.campaign.published_at is 'When this definition was last written here.';

comment on table journey.enrollment is
'Series of customers, one row a campaign, customer and occurrence; at most one runs a campaign and customer.';
comment on column journey.enrollment.enrollment_id is 'One customer in one series.';
comment on column journey.enrollment.campaign is 'Campaign.';
comment on column journey.enrollment.customer_id is 'Customer.';
comment on column journey.enrollment.occurrence is 'Which time this is.';
comment on column journey.enrollment.occurred_at is 'When the occurrence happened.';
comment on column journey.enrollment.context is 'Snapshot at entry; leaving the segment changes nothing.';
comment on column journey.enrollment.enrolled_at is 'as_of of the run that enrolled; steps count from here.';
comment on column journey.enrollment.is_holdout is 'Gets nothing, so that lift is measured.';
comment on column journey.enrollment.next_position is 'Position of the first step not yet due.';
comment on column journey.enrollment.next_due_at is 'When that step is due; null = no step left.';
comment on column journey.enrollment.ended_at is 'When the series ended; null = running.';
comment on column journey.enrollment.end_reason is 'Completed, converted, superseded, unsubscribed, cart_emptied…';

comment on table journey.step_due is 'Steps that came due, one row an enrollment and step.';
comment on column journey.step_due.step_due_id is 'Order in which steps came due, within a campaign.';
comment on column journey.step_due.enrollment_id is 'Enrollment.';
comment on column journey.step_due.step is 'Step of the campaign file.';
comment on column journey.step_due.campaign is 'Campaign.';
comment on column journey.step_due.customer_id is 'Customer.';
comment on column journey.step_due.variant is 'Arm of the step''s variants; ''default'' where there are none.';
comment on column journey.step_due.due_at is 'enrolled_at + after_hours.';
comment on column journey.step_due.noticed_at is 'as_of of the run that noticed.';
