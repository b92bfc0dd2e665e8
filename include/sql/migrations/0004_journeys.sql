-- Stage 3, journeys: who is in which series, at which step, in which arm, when it ended and why.
create schema journey;

create table journey.campaign (
    campaign text primary key,                           -- name in include/campaigns/<name>.yaml
    topic text not null,                                 -- topic in include/topics.yaml
    is_marketing boolean not null,                       -- false = transactional: no holdout, no cap
    segment text not null,                               -- segment as in segment.membership
    goal_event text not null,                            -- what counts as a conversion
    goal_within_days numeric(8, 3) not null,             -- conversion window, days of 24 hours
    goal_target_ratio numeric(8, 6),                     -- target conversion ratio, if set
    goal_until date,                                     -- target's date, if set
    exit_on text[] not null,                             -- facts that end a series early
    holdout_ratio numeric(8, 6) not null,                -- share of enrolled customers that gets nothing
    priority integer not null,                           -- who wins a customer's day; higher wins
    definition jsonb not null,                           -- the file as read
    definition_md5 text not null,                        -- what an approval holds for
    published_at timestamptz not null default now()      -- when this definition was last written here
);

create table journey.enrollment (
    enrollment_id bigint generated always as identity primary key, -- one customer in one series
    campaign text not null,                              -- campaign
    customer_id text not null,                           -- customer
    occurrence text not null,                            -- which time this is
    occurred_at timestamptz not null,                    -- when the occurrence happened
    context jsonb not null default '{}',                 -- snapshot at entry; leaving the segment changes nothing
    enrolled_at timestamptz not null,                    -- as_of of the run that enrolled; steps count from here
    is_holdout boolean not null,                         -- gets nothing, so that lift is measured
    next_position integer not null default 0,            -- position of the first step not yet due
    next_due_at timestamptz,                             -- when that step is due; null = no step left
    ended_at timestamptz,                                -- when the series ended; null = running
    end_reason text,                                     -- completed, converted, superseded, unsubscribed, cart_emptied…
    unique (campaign, customer_id, occurrence)
);
create unique index enrollment_running on journey.enrollment (campaign, customer_id) where ended_at is null;
create index enrollment_next on journey.enrollment (campaign, next_due_at) where next_due_at is not null;
create index enrollment_customer on journey.enrollment (customer_id);

create table journey.step_due (
    step_due_id bigint generated always as identity primary key, -- order in which steps came due, within a campaign
    enrollment_id bigint not null references journey.enrollment, -- enrollment
    step text not null,                                  -- step of the campaign file
    campaign text not null,                              -- campaign
    customer_id text not null,                           -- customer
    variant text not null,                               -- arm of the step's variants; 'default' where there are none
    due_at timestamptz not null,                         -- enrolled_at + after_hours
    noticed_at timestamptz not null,                     -- as_of of the run that noticed
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
