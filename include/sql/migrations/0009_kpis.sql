-- Stage 8, kpis: numerators and denominators an analyst can add up; rates are views over them.
-- What each number means is decided in docs/decisions/0005-kpi-semantics.md.
create schema kpi;

create table kpi.step_outcome (
    enrollment_id bigint not null,                       -- enrollment
    step text not null,                                  -- step
    campaign text not null,                              -- campaign
    customer_id text not null,                           -- customer
    variant text not null,                               -- arm of the step, or 'holdout'
    day date not null,                                   -- reporting day: of acceptance, else of the final decision
    decision_id bigint,                                  -- final decision; null = none is kept
    decided_at timestamptz,                              -- when it was made
    decision_outcome text,                               -- send, skip, defer, hold
    decision_reason text,                                -- its reason
    state text,                                          -- state of the message; null = there is none
    reason text,                                         -- why nothing was mailed: of the decision, or of the message
    is_open boolean not null,                            -- a message may still come or move: looked at again by the next roll-up
    accepted_at timestamptz,                             -- when the provider took the mail
    goal_until timestamptz,                              -- end of the conversion window
    outcome text check (
        outcome in ('pending', 'delivered', 'bounced_hard', 'bounced_soft', 'dropped')
    ),                                                   -- what became of an accepted mail, one each; pending = nothing heard
    takes_credit boolean not null,                       -- an order inside the window may be credited to it
    planned_day date,                                    -- reporting day a message was decided; null = there is none, likewise below
    held_out_day date,                                   -- held out
    skipped_day date,                                    -- skipped for another reason
    accepted_day date,                                   -- taken by the provider
    delivered_day date,                                  -- taken by the mailbox, or proven so by the recipient
    opened_day date,                                     -- first human open
    machine_opened_day date,                             -- first machine open
    clicked_day date,                                    -- first click
    converted_day date,                                  -- goal reached inside the window
    bounced_hard_day date,                               -- hard bounce
    bounced_soft_day date,                               -- soft bounce
    dropped_day date,                                    -- dropped by the provider
    unsubscribed_day date,                               -- unsubscribed by this mail
    complained_day date,                                 -- spam report
    primary key (enrollment_id, step)
);
create index step_outcome_open on kpi.step_outcome (enrollment_id, step) where is_open;
create index step_outcome_customer on kpi.step_outcome (customer_id, accepted_at) where accepted_at is not null;
create index step_outcome_day on kpi.step_outcome (day);

create table kpi.campaign_daily (
    day date not null,                                   -- reporting day: of acceptance, else of the final decision
    campaign text not null,                              -- campaign
    step text not null,                                  -- step
    variant text not null,                               -- arm of the step, or 'holdout'
    planned bigint not null default 0,                   -- messages made
    held_out bigint not null default 0,                  -- steps of customers who are held out
    skipped bigint not null default 0,                   -- steps skipped for any other reason
    accepted bigint not null default 0,                  -- messages the provider took
    delivered bigint not null default 0,                 -- of these: ended in the mailbox
    openers bigint not null default 0,                   -- of delivered: opened by a human, many opens count once
    machine_openers bigint not null default 0,           -- of delivered: opened by a machine, beside and never inside openers
    clickers bigint not null default 0,                  -- of delivered: clicked
    converters bigint not null default 0,                -- of accepted that did not bounce: goal reached inside the window
    revenue numeric(20, 4) default 0,                    -- orders credited, in `currency`; null = several, see campaign_revenue_daily
    currency text,                                       -- ISO 4217; null = no order, or several currencies
    bounced_hard bigint not null default 0,              -- of accepted: ended in a hard bounce
    bounced_soft bigint not null default 0,              -- of accepted: ended in a soft bounce
    dropped bigint not null default 0,                   -- of accepted: dropped by the provider
    unsubscribed bigint not null default 0,              -- of delivered: unsubscribed by this mail
    complained bigint not null default 0,                -- of delivered: spam report
    primary key (day, campaign, step, variant)
);

create table kpi.event_daily (
    day date not null,                                   -- reporting day on which it happened
    campaign text not null,                              -- campaign
    step text not null,                                  -- step
    variant text not null,                               -- arm of the step, or 'holdout'
    planned bigint not null default 0,                   -- messages decided that day
    held_out bigint not null default 0,                  -- steps held out that day
    skipped bigint not null default 0,                   -- steps skipped that day
    accepted bigint not null default 0,                  -- messages taken that day
    delivered bigint not null default 0,                 -- messages that reached the mailbox that day
    openers bigint not null default 0,                   -- messages first opened by a human that day
    machine_openers bigint not null default 0,           -- messages first opened by a machine that day
    clickers bigint not null default 0,                  -- messages first clicked that day
    converters bigint not null default 0,                -- messages whose goal was reached that day
    revenue numeric(20, 4) default 0,                    -- credited orders placed that day, in `currency`; null = several
    currency text,                                       -- ISO 4217; null = no order, or several currencies
    bounced_hard bigint not null default 0,              -- hard bounces that day
    bounced_soft bigint not null default 0,              -- soft bounces that day
    dropped bigint not null default 0,                   -- drops that day
    unsubscribed bigint not null default 0,              -- messages by which a person unsubscribed that day
    complained bigint not null default 0,                -- messages reported as spam that day
    primary key (day, campaign, step, variant)
);

create table kpi.order_credit (
    order_id text primary key,                           -- order, credited once
    customer_id text not null,                           -- who ordered
    enrollment_id bigint not null,                       -- message that takes the credit: the last one before the order…
    step text not null,                                  -- …whose window holds it
    campaign text not null,                              -- its campaign
    variant text not null,                               -- its arm
    day date not null,                                   -- its reporting day
    order_day date not null,                             -- reporting day of the order
    currency text not null,                              -- ISO 4217 of the order; XXX = it names none
    revenue numeric(20, 4) not null                      -- order total
);
create index order_credit_customer on kpi.order_credit (customer_id);

create table kpi.campaign_revenue_daily (
    day date not null,                                   -- reporting day of the message
    campaign text not null,                              -- campaign
    step text not null,                                  -- step
    variant text not null,                               -- arm of the step
    currency text not null,                              -- ISO 4217; XXX = the orders name none
    orders bigint not null,                              -- orders credited
    revenue numeric(20, 4) not null,                     -- their totals
    primary key (day, campaign, step, variant, currency)
);

create table kpi.event_revenue_daily (
    day date not null,                                   -- reporting day of the order
    campaign text not null,                              -- campaign
    step text not null,                                  -- step
    variant text not null,                               -- arm of the step
    currency text not null,                              -- ISO 4217; XXX = the orders name none
    orders bigint not null,                              -- orders credited
    revenue numeric(20, 4) not null,                     -- their totals
    primary key (day, campaign, step, variant, currency)
);

create table kpi.list_movement (
    customer_id text not null,                           -- who came or went
    day date not null,                                   -- reporting day
    movement text not null check (movement in (
        'joined', 'returned', 'unsubscribed', 'bounced', 'complained', 'sunset', 'withdrawn', 'erased'
    )),                                                  -- what happened; one coming and one leave a customer and day at most
    primary key (customer_id, day, movement)
);
create index list_movement_day on kpi.list_movement (day, movement);

create table kpi.list_daily (
    day date primary key,                                -- reporting day; every day from the first movement on
    opening bigint not null default 0,                   -- customers on the list when the day began
    joined bigint not null default 0,                    -- on the list for the first time
    unsubscribed bigint not null default 0,              -- left by unsubscribing from everything
    bounced bigint not null default 0,                   -- left by a hard bounce or a lasting drop
    complained bigint not null default 0,                -- left by a spam report
    sunset bigint not null default 0,                    -- left by our policy for the silent
    withdrawn bigint not null default 0,                 -- left because permission was withdrawn or no longer confirmed
    erased bigint not null default 0,                    -- left by erasure
    returned bigint not null default 0,                  -- on the list again
    closing bigint not null default 0                    -- customers on the list when the day ended
);

create table kpi.list_change (
    customer_id text not null                            -- customer whose permission, suppression or address changed since the last roll-up
);

create table kpi.rolled_load (
    load_id bigint primary key                           -- finished load of feeds that the roll-up has taken in
);

create table kpi.progress (
    name text primary key,                               -- what: events, decisions:<campaign>, goal:<campaign>, reporting_zone
    value text not null                                  -- how far, or what it was
);

create table kpi.roll_up (
    roll_up_id bigint generated always as identity primary key, -- one roll-up
    rolled_up_at timestamptz not null,                   -- `now` of the run
    is_full boolean not null,                            -- recomputed everything
    outcomes bigint not null,                            -- steps looked at
    customers bigint not null,                           -- customers whose list membership was looked at
    orders bigint not null                               -- orders credited anew
);

-- Which customers' membership of the list may have changed. Written by whoever changes a fact, in the same
-- transaction, so that a roll-up misses nothing whatever the order of commits.
create function kpi.note_permissions() returns trigger
language plpgsql as $$
begin
    insert into kpi.list_change (customer_id) select distinct customer_id from changed;
    return null;
end
$$;
create trigger kpi_list_change after insert on source.permission_change
referencing new table as changed for each statement execute function kpi.note_permissions();

create function kpi.note_customer() returns trigger
language plpgsql as $$
begin
    insert into kpi.list_change (customer_id) values (new.customer_id);
    return null;
end
$$;
create trigger kpi_list_change after update on source.customer for each row
when (old.email is distinct from new.email or old.erased_at is distinct from new.erased_at)
execute function kpi.note_customer();

create function kpi.note_suppression() returns trigger
language plpgsql as $$
begin
    insert into kpi.list_change (customer_id)
    select customer_id from source.customer
    where address in (old.address, new.address);
    return null;
end
$$;
create trigger kpi_list_change after insert or update or delete on event.suppression
for each row execute function kpi.note_suppression();

-- Facts that may reach a goal are found by the load that brought them.
create index page_view_load on source.page_view using brin (load_id);
create index review_load on source.review using brin (load_id);
create index offer_load on source.offer using brin (load_id);

-- When the goal of a mail or of an enrollment was reached: the earliest such fact of the customer from `since`
-- to `till`, both included; null = it was not. Opens and clicks belong to a mail and are not looked up here.
create function kpi.goal_at(goal text, of_campaign text, of_customer text, since timestamptz, till timestamptz)
returns timestamptz
language sql stable parallel safe as $$
    select case goal
        when 'order' then (
            select min(o.ordered_at) from source.orders as o
            where o.customer_id = of_customer and o.ordered_at between since and till and o.status <> 'cancelled'
        )
        when 'page_view' then (
            select min(v.viewed_at) from source.page_view as v
            where v.customer_id = of_customer and v.viewed_at between since and till
        )
        when 'review' then (
            select min(r.reviewed_at) from source.review as r
            where r.customer_id = of_customer and r.reviewed_at between since and till
        )
        when 'offer_used' then (
            select min(f.redeemed_at) from source.offer as f
            where
                f.customer_id = of_customer and f.redeemed_at between since and till
                and (f.campaign is null or f.campaign = of_campaign)
        )
    end
$$;

-- numerator / denominator, null where there is nothing to divide by; six digits.
create function kpi.rate(numerator numeric, denominator numeric) returns numeric
language sql immutable parallel safe as $$
    select round(numerator / nullif(denominator, 0), 6)
$$;

-- Bounds of a share by Wilson's score (Wilson 1927), at z = 1.959964 (95 %). side: -1 lower, 1 upper.
create function kpi.wilson(hits numeric, trials numeric, side integer) returns double precision
language sql immutable parallel safe as $$
    select case when trials > 0 then (
        2 * hits + 3.841459 + side * 1.959964 * sqrt(3.841459 + 4 * hits * (1 - hits / trials))
    ) / (2 * (trials + 3.841459)) end::double precision
$$;

-- Rates of each day's mails, each beside its numerator, its denominator and the guides' benchmark.
create view kpi.campaign_rates as
select
    d.day,                                               -- reporting day
    d.campaign,                                          -- campaign
    d.step,                                              -- step
    d.variant,                                           -- arm of the step, or 'holdout'
    d.planned,                                           -- messages made
    d.held_out,                                          -- steps of customers who are held out
    d.skipped,                                           -- steps skipped for any other reason
    d.accepted,                                          -- messages the provider took: denominator of deliveries and bounces
    d.delivered,                                         -- messages that ended in the mailbox: denominator of what people did
    kpi.rate(d.delivered, d.accepted) as delivery_rate,  -- delivered / accepted; near 1 is good
    d.openers,                                           -- messages opened by a human
    kpi.rate(d.openers, d.delivered) as open_rate,       -- openers / delivered
    0.20 as open_rate_benchmark,                         -- guides' benchmark
    d.machine_openers,                                   -- messages opened by a machine
    kpi.rate(d.machine_openers, d.delivered) as machine_open_rate, -- machine_openers / delivered; says nothing about people
    d.clickers,                                          -- messages clicked
    kpi.rate(d.clickers, d.delivered) as click_through_rate, -- clickers / delivered
    0.03 as click_through_rate_benchmark,                -- guides' benchmark
    kpi.rate(d.clickers, d.openers) as click_to_open_rate, -- clickers / openers
    d.converters,                                        -- messages whose goal was reached inside the window
    kpi.rate(d.converters, d.delivered) as conversion_rate, -- converters / delivered
    c.goal_target_ratio as conversion_rate_benchmark,    -- the campaign's own target
    d.bounced_hard,                                      -- hard bounces
    kpi.rate(d.bounced_hard, d.accepted) as hard_bounce_rate, -- bounced_hard / accepted
    d.bounced_soft,                                      -- soft bounces
    kpi.rate(d.bounced_soft, d.accepted) as soft_bounce_rate, -- bounced_soft / accepted
    kpi.rate(d.bounced_hard + d.bounced_soft, d.accepted) as bounce_rate, -- (bounced_hard + bounced_soft) / accepted
    0.0042 as bounce_rate_benchmark,                     -- guides' benchmark; below is good
    d.dropped,                                           -- messages the provider dropped
    kpi.rate(d.dropped, d.accepted) as drop_rate,        -- dropped / accepted
    d.unsubscribed,                                      -- messages by which a person unsubscribed
    kpi.rate(d.unsubscribed, d.delivered) as unsubscribe_rate, -- unsubscribed / delivered
    0.0005 as unsubscribe_rate_benchmark,                -- guides' benchmark; below is good
    d.complained,                                        -- spam reports
    kpi.rate(d.complained, d.delivered) as complaint_rate, -- complained / delivered
    0.001 as complaint_rate_benchmark,                   -- guides' benchmark; below is good, 0.003 is the limit
    d.revenue,                                           -- orders credited, in `currency`; null = several currencies
    d.currency,                                          -- ISO 4217; null = no order, or several currencies
    kpi.rate(d.revenue, d.delivered) as revenue_per_email -- revenue / delivered
from kpi.campaign_daily as d
left join journey.campaign as c on d.campaign = c.campaign;

-- The same over all days: a campaign (step and variant null), each of its steps (variant null), each arm.
create view kpi.campaign_summary as
with level as (
    select
        d.campaign,
        d.step,
        d.variant,
        min(d.day) as first_day,
        max(d.day) as last_day,
        sum(d.planned) as planned,
        sum(d.held_out) as held_out,
        sum(d.skipped) as skipped,
        sum(d.accepted) as accepted,
        sum(d.delivered) as delivered,
        sum(d.openers) as openers,
        sum(d.machine_openers) as machine_openers,
        sum(d.clickers) as clickers,
        sum(d.converters) as converters,
        case when count(distinct d.currency) < 2 and bool_and(d.revenue is not null) then sum(d.revenue) end as revenue,
        case when count(distinct d.currency) < 2 and bool_and(d.revenue is not null) then max(d.currency) end as currency,
        sum(d.bounced_hard) as bounced_hard,
        sum(d.bounced_soft) as bounced_soft,
        sum(d.dropped) as dropped,
        sum(d.unsubscribed) as unsubscribed,
        sum(d.complained) as complained
    from kpi.campaign_daily as d
    group by grouping sets ((d.campaign), (d.campaign, d.step), (d.campaign, d.step, d.variant))
)

select
    l.campaign,                                          -- campaign
    l.step,                                              -- step; null = the whole campaign
    l.variant,                                           -- arm of the step; null = all of them
    l.first_day,                                         -- first reporting day
    l.last_day,                                          -- last reporting day
    l.planned,                                           -- messages made
    l.held_out,                                          -- steps of customers who are held out
    l.skipped,                                           -- steps skipped for any other reason
    l.accepted,                                          -- messages the provider took: denominator of deliveries and bounces
    l.delivered,                                         -- messages that ended in the mailbox: denominator of what people did
    kpi.rate(l.delivered, l.accepted) as delivery_rate,  -- delivered / accepted; near 1 is good
    l.openers,                                           -- messages opened by a human
    kpi.rate(l.openers, l.delivered) as open_rate,       -- openers / delivered
    0.20 as open_rate_benchmark,                         -- guides' benchmark
    l.machine_openers,                                   -- messages opened by a machine
    kpi.rate(l.machine_openers, l.delivered) as machine_open_rate, -- machine_openers / delivered; says nothing about people
    l.clickers,                                          -- messages clicked
    kpi.rate(l.clickers, l.delivered) as click_through_rate, -- clickers / delivered
    0.03 as click_through_rate_benchmark,                -- guides' benchmark
    kpi.rate(l.clickers, l.openers) as click_to_open_rate, -- clickers / openers
    l.converters,                                        -- messages whose goal was reached inside the window
    kpi.rate(l.converters, l.delivered) as conversion_rate, -- converters / delivered
    c.goal_target_ratio as conversion_rate_benchmark,    -- the campaign's own target
    l.bounced_hard,                                      -- hard bounces
    kpi.rate(l.bounced_hard, l.accepted) as hard_bounce_rate, -- bounced_hard / accepted
    l.bounced_soft,                                      -- soft bounces
    kpi.rate(l.bounced_soft, l.accepted) as soft_bounce_rate, -- bounced_soft / accepted
    kpi.rate(l.bounced_hard + l.bounced_soft, l.accepted) as bounce_rate, -- (bounced_hard + bounced_soft) / accepted
    0.0042 as bounce_rate_benchmark,                     -- guides' benchmark; below is good
    l.dropped,                                           -- messages the provider dropped
    kpi.rate(l.dropped, l.accepted) as drop_rate,        -- dropped / accepted
    l.unsubscribed,                                      -- messages by which a person unsubscribed
    kpi.rate(l.unsubscribed, l.delivered) as unsubscribe_rate, -- unsubscribed / delivered
    0.0005 as unsubscribe_rate_benchmark,                -- guides' benchmark; below is good
    l.complained,                                        -- spam reports
    kpi.rate(l.complained, l.delivered) as complaint_rate, -- complained / delivered
    0.001 as complaint_rate_benchmark,                   -- guides' benchmark; below is good, 0.003 is the limit
    l.revenue,                                           -- orders credited, in `currency`; null = several currencies
    l.currency,                                          -- ISO 4217; null = no order, or several currencies
    kpi.rate(l.revenue, l.delivered) as revenue_per_email -- revenue / delivered
from level as l
left join journey.campaign as c on l.campaign = c.campaign;

-- Growth of the list a day: (new - unsubscribed - hard bounced - complained) / opening.
create view kpi.list_growth as
select
    d.day,                                               -- reporting day
    d.opening,                                           -- customers on the list when the day began
    d.joined + d.returned as gained,                     -- joined or returned
    d.unsubscribed + d.bounced + d.complained + d.sunset + d.withdrawn + d.erased as lost, -- left for any reason
    d.closing,                                           -- customers on the list when the day ended
    d.joined + d.returned - d.unsubscribed - d.bounced - d.complained as growth, -- gained - unsubscribed - bounced - complained
    kpi.rate(d.joined + d.returned - d.unsubscribed - d.bounced - d.complained, d.opening) as growth_rate, -- growth / opening
    0.0 as growth_rate_benchmark,                        -- guides' benchmark; above is good
    kpi.rate(d.unsubscribed, d.opening) as unsubscribed_share, -- unsubscribed / opening
    kpi.rate(d.bounced, d.opening) as bounced_share,     -- bounced / opening
    kpi.rate(d.complained, d.opening) as complained_share -- complained / opening
from kpi.list_daily as d;

-- What was decided, and why, by the day of the decision.
create view kpi.decision_daily as
select
    coalesce(o.planned_day, o.held_out_day, o.skipped_day, o.day) as day, -- reporting day of the decision
    o.campaign,                                          -- campaign
    o.step,                                              -- step
    o.variant,                                           -- arm of the step, or 'holdout'
    o.decision_outcome as outcome,                       -- send, skip, defer, hold
    o.decision_reason as reason,                         -- named reason
    count(*) as steps                                    -- steps decided so
from kpi.step_outcome as o
where o.decision_id is not null
group by
    coalesce(o.planned_day, o.held_out_day, o.skipped_day, o.day), o.campaign, o.step, o.variant,
    o.decision_outcome, o.decision_reason;

-- Why nothing was mailed: steps skipped by their decision, and messages that ended without acceptance.
create view kpi.refused_daily as
select
    o.day,                                               -- reporting day of the decision
    o.campaign,                                          -- campaign
    o.step,                                              -- step
    o.variant,                                           -- arm of the step, or 'holdout'
    case when o.state is null then 'decision' else 'message' end as refused_by, -- decision, or message: after it was planned
    coalesce(o.state, o.decision_outcome) as outcome,    -- skip, or the message's state
    coalesce(o.reason, o.state, o.decision_outcome) as reason, -- named reason
    count(*) as steps                                    -- steps not mailed
from kpi.step_outcome as o
where o.accepted_at is null and (not o.is_open or o.state = 'in_doubt')
group by o.day, o.campaign, o.step, o.variant, o.state, o.decision_outcome, o.reason;

-- Where all messages stand, those in doubt included.
create view kpi.message_states as
select
    o.campaign,                                          -- campaign
    o.step,                                              -- step
    o.variant,                                           -- arm of the step
    o.state,                                             -- state of the message
    o.outcome,                                           -- what became of it once accepted
    count(*) as messages                                 -- messages
from kpi.step_outcome as o
where o.state is not null
group by o.campaign, o.step, o.variant, o.state, o.outcome;

-- Treated against held out, both counted from enrollment, whatever was mailed. The interval of the difference is
-- Newcombe's tenth method (Statistics in Medicine 17, 1998, pages 873-890), from Wilson's bounds of each arm.
create view kpi.campaign_lift as
with arm as (
    select
        e.campaign,
        count(*) filter (where not e.is_holdout) as treated,
        count(g.reached_at) filter (where not e.is_holdout) as treated_converters,
        count(*) filter (where e.is_holdout) as held_out,
        count(g.reached_at) filter (where e.is_holdout) as held_out_converters
    from journey.enrollment as e
    inner join journey.campaign as c on e.campaign = c.campaign
    cross join lateral (
        select kpi.goal_at(
            c.goal_event, e.campaign, e.customer_id, e.enrolled_at,
            e.enrolled_at + c.goal_within_days * interval '24 hours'
        ) as reached_at
    ) as g
    where c.goal_event not in ('open', 'click')
    group by e.campaign
),

share as (
    select
        a.*,
        a.treated_converters::double precision / nullif(a.treated, 0) as treated_share,
        a.held_out_converters::double precision / nullif(a.held_out, 0) as held_out_share,
        kpi.wilson(a.treated_converters, a.treated, -1) as treated_low,
        kpi.wilson(a.treated_converters, a.treated, 1) as treated_high,
        kpi.wilson(a.held_out_converters, a.held_out, -1) as held_out_low,
        kpi.wilson(a.held_out_converters, a.held_out, 1) as held_out_high
    from arm as a
)

select
    s.campaign,                                          -- campaign
    s.treated,                                           -- enrollments that get mail
    s.treated_converters,                                -- of these: goal reached within the window from enrollment
    round(s.treated_share::numeric, 6) as treated_rate,  -- treated_converters / treated
    s.held_out,                                          -- enrollments that get nothing
    s.held_out_converters,                               -- of these: goal reached within the window from enrollment
    round(s.held_out_share::numeric, 6) as held_out_rate, -- held_out_converters / held_out
    round((s.treated_share - s.held_out_share)::numeric, 6) as lift, -- treated_rate - held_out_rate; above 0 is good
    round((
        s.treated_share - s.held_out_share
        - sqrt((s.treated_share - s.treated_low) ^ 2 + (s.held_out_high - s.held_out_share) ^ 2)
    )::numeric, 6) as lift_low,                          -- lower bound of the lift, 95 %
    round((
        s.treated_share - s.held_out_share
        + sqrt((s.treated_high - s.treated_share) ^ 2 + (s.held_out_share - s.held_out_low) ^ 2)
    )::numeric, 6) as lift_high                          -- upper bound of the lift, 95 %
from share as s;

-- Each campaign's conversion rate beside its own target.
create view kpi.campaign_goal as
select
    c.campaign,                                          -- campaign
    c.goal_event,                                        -- what counts as a conversion
    c.goal_within_days,                                  -- conversion window, days of 24 hours
    c.goal_target_ratio,                                 -- target conversion rate
    c.goal_until,                                        -- date the target is for
    coalesce(s.delivered, 0) as delivered,               -- messages delivered
    coalesce(s.converters, 0) as converters,             -- messages whose goal was reached inside the window
    s.conversion_rate,                                   -- converters / delivered
    s.conversion_rate - c.goal_target_ratio as above_target, -- conversion_rate - goal_target_ratio
    s.conversion_rate >= c.goal_target_ratio as is_reached, -- the target is reached
    greatest(0, ceil(c.goal_target_ratio * s.delivered) - s.converters) as converters_missing -- conversions lacking for the target at today's deliveries
from journey.campaign as c
left join kpi.campaign_summary as s on c.campaign = s.campaign and s.step is null and s.variant is null;
