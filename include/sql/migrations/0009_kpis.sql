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

create view kpi.campaign_rates as
select
    d.day,
    d.campaign,
    d.step,
    d.variant,
    d.planned,
    d.held_out,
    d.skipped,
    d.accepted,
    d.delivered,
    kpi.rate(d.delivered, d.accepted) as delivery_rate,
    d.openers,
    kpi.rate(d.openers, d.delivered) as open_rate,
    0.20 as open_rate_benchmark,
    d.machine_openers,
    kpi.rate(d.machine_openers, d.delivered) as machine_open_rate,
    d.clickers,
    kpi.rate(d.clickers, d.delivered) as click_through_rate,
    0.03 as click_through_rate_benchmark,
    kpi.rate(d.clickers, d.openers) as click_to_open_rate,
    d.converters,
    kpi.rate(d.converters, d.delivered) as conversion_rate,
    c.goal_target_ratio as conversion_rate_benchmark,
    d.bounced_hard,
    kpi.rate(d.bounced_hard, d.accepted) as hard_bounce_rate,
    d.bounced_soft,
    kpi.rate(d.bounced_soft, d.accepted) as soft_bounce_rate,
    kpi.rate(d.bounced_hard + d.bounced_soft, d.accepted) as bounce_rate,
    0.0042 as bounce_rate_benchmark,
    d.dropped,
    kpi.rate(d.dropped, d.accepted) as drop_rate,
    d.unsubscribed,
    kpi.rate(d.unsubscribed, d.delivered) as unsubscribe_rate,
    0.0005 as unsubscribe_rate_benchmark,
    d.complained,
    kpi.rate(d.complained, d.delivered) as complaint_rate,
    0.001 as complaint_rate_benchmark,
    d.revenue,
    d.currency,
    kpi.rate(d.revenue, d.delivered) as revenue_per_email
from kpi.campaign_daily as d
left join journey.campaign as c on d.campaign = c.campaign;

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
    l.campaign,
    l.step,
    l.variant,
    l.first_day,
    l.last_day,
    l.planned,
    l.held_out,
    l.skipped,
    l.accepted,
    l.delivered,
    kpi.rate(l.delivered, l.accepted) as delivery_rate,
    l.openers,
    kpi.rate(l.openers, l.delivered) as open_rate,
    0.20 as open_rate_benchmark,
    l.machine_openers,
    kpi.rate(l.machine_openers, l.delivered) as machine_open_rate,
    l.clickers,
    kpi.rate(l.clickers, l.delivered) as click_through_rate,
    0.03 as click_through_rate_benchmark,
    kpi.rate(l.clickers, l.openers) as click_to_open_rate,
    l.converters,
    kpi.rate(l.converters, l.delivered) as conversion_rate,
    c.goal_target_ratio as conversion_rate_benchmark,
    l.bounced_hard,
    kpi.rate(l.bounced_hard, l.accepted) as hard_bounce_rate,
    l.bounced_soft,
    kpi.rate(l.bounced_soft, l.accepted) as soft_bounce_rate,
    kpi.rate(l.bounced_hard + l.bounced_soft, l.accepted) as bounce_rate,
    0.0042 as bounce_rate_benchmark,
    l.dropped,
    kpi.rate(l.dropped, l.accepted) as drop_rate,
    l.unsubscribed,
    kpi.rate(l.unsubscribed, l.delivered) as unsubscribe_rate,
    0.0005 as unsubscribe_rate_benchmark,
    l.complained,
    kpi.rate(l.complained, l.delivered) as complaint_rate,
    0.001 as complaint_rate_benchmark,
    l.revenue,
    l.currency,
    kpi.rate(l.revenue, l.delivered) as revenue_per_email
from level as l
left join journey.campaign as c on l.campaign = c.campaign;

create view kpi.list_growth as
select
    d.day,
    d.opening,
    d.joined + d.returned as gained,
    d.unsubscribed + d.bounced + d.complained + d.sunset + d.withdrawn + d.erased as lost,
    d.closing,
    d.joined + d.returned - d.unsubscribed - d.bounced - d.complained as growth,
    kpi.rate(d.joined + d.returned - d.unsubscribed - d.bounced - d.complained, d.opening) as growth_rate,
    0.0 as growth_rate_benchmark,
    kpi.rate(d.unsubscribed, d.opening) as unsubscribed_share,
    kpi.rate(d.bounced, d.opening) as bounced_share,
    kpi.rate(d.complained, d.opening) as complained_share
from kpi.list_daily as d;

create view kpi.refused_daily as
select
    o.day,
    o.campaign,
    o.step,
    o.variant,
    case when o.state is null then 'decision' else 'message' end as refused_by,
    coalesce(o.state, o.decision_outcome) as outcome,
    coalesce(o.reason, o.state, o.decision_outcome) as reason,
    count(*) as steps
from kpi.step_outcome as o
where o.accepted_at is null
group by o.day, o.campaign, o.step, o.variant, o.state, o.decision_outcome, o.reason;

create view kpi.message_states as
select
    o.campaign,
    o.step,
    o.variant,
    o.state,
    o.outcome,
    count(*) as messages
from kpi.step_outcome as o
where o.state is not null
group by o.campaign, o.step, o.variant, o.state, o.outcome;

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
    s.campaign,
    s.treated,
    s.treated_converters,
    round(s.treated_share::numeric, 6) as treated_rate,
    s.held_out,
    s.held_out_converters,
    round(s.held_out_share::numeric, 6) as held_out_rate,
    round((s.treated_share - s.held_out_share)::numeric, 6) as lift,
    round((
        s.treated_share - s.held_out_share
        - sqrt((s.treated_share - s.treated_low) ^ 2 + (s.held_out_high - s.held_out_share) ^ 2)
    )::numeric, 6) as lift_low,
    round((
        s.treated_share - s.held_out_share
        + sqrt((s.treated_high - s.treated_share) ^ 2 + (s.held_out_share - s.held_out_low) ^ 2)
    )::numeric, 6) as lift_high
from share as s;

create view kpi.campaign_goal as
select
    c.campaign,
    c.goal_event,
    c.goal_within_days,
    c.goal_target_ratio,
    c.goal_until,
    coalesce(s.delivered, 0) as delivered,
    coalesce(s.converters, 0) as converters,
    s.conversion_rate,
    s.conversion_rate - c.goal_target_ratio as above_target,
    s.conversion_rate >= c.goal_target_ratio as is_reached,
    greatest(0, ceil(c.goal_target_ratio * s.delivered) - s.converters) as converters_missing
from journey.campaign as c
left join kpi.campaign_summary as s on c.campaign = s.campaign and s.step is null and s.variant is null;
