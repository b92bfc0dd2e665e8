-- Stage 8, kpis: numerators and denominators an analyst can add up; rates are views over them.
-- What each number means is decided in docs/decisions/0005-kpi-semantics.md.
create schema kpi;

create table kpi.step_outcome (
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    customer_id text not null,
    variant text not null,
    day date not null,
    decision_id bigint,
    decided_at timestamptz,
    decision_outcome text,
    decision_reason text,
    state text,
    reason text,
    is_open boolean not null,
    accepted_at timestamptz,
    goal_until timestamptz,
    outcome text check (
        outcome in ('pending', 'delivered', 'bounced_hard', 'bounced_soft', 'dropped')
    ),
    takes_credit boolean not null,
    planned_day date,
    held_out_day date,
    skipped_day date,
    accepted_day date,
    delivered_day date,
    opened_day date,
    machine_opened_day date,
    clicked_day date,
    converted_day date,
    bounced_hard_day date,
    bounced_soft_day date,
    dropped_day date,
    unsubscribed_day date,
    complained_day date,
    primary key (enrollment_id, step)
);
create index step_outcome_open on kpi.step_outcome (enrollment_id, step) where is_open;
create index step_outcome_customer on kpi.step_outcome (customer_id, accepted_at) where accepted_at is not null;
create index step_outcome_day on kpi.step_outcome (day);

create table kpi.campaign_daily (
    day date not null,
    campaign text not null,
    step text not null,
    variant text not null,
    planned bigint not null default 0,
    held_out bigint not null default 0,
    skipped bigint not null default 0,
    accepted bigint not null default 0,
    delivered bigint not null default 0,
    openers bigint not null default 0,
    machine_openers bigint not null default 0,
    clickers bigint not null default 0,
    converters bigint not null default 0,
    revenue numeric(20, 4) default 0,
    currency text,
    bounced_hard bigint not null default 0,
    bounced_soft bigint not null default 0,
    dropped bigint not null default 0,
    unsubscribed bigint not null default 0,
    complained bigint not null default 0,
    primary key (day, campaign, step, variant)
);

create table kpi.event_daily (
    day date not null,
    campaign text not null,
    step text not null,
    variant text not null,
    planned bigint not null default 0,
    held_out bigint not null default 0,
    skipped bigint not null default 0,
    accepted bigint not null default 0,
    delivered bigint not null default 0,
    openers bigint not null default 0,
    machine_openers bigint not null default 0,
    clickers bigint not null default 0,
    converters bigint not null default 0,
    revenue numeric(20, 4) default 0,
    currency text,
    bounced_hard bigint not null default 0,
    bounced_soft bigint not null default 0,
    dropped bigint not null default 0,
    unsubscribed bigint not null default 0,
    complained bigint not null default 0,
    primary key (day, campaign, step, variant)
);

create table kpi.order_credit (
    order_id text primary key,
    customer_id text not null,
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    variant text not null,
    day date not null,
    order_day date not null,
    currency text not null,
    revenue numeric(20, 4) not null
);
create index order_credit_customer on kpi.order_credit (customer_id);

create table kpi.campaign_revenue_daily (
    day date not null,
    campaign text not null,
    step text not null,
    variant text not null,
    currency text not null,
    orders bigint not null,
    revenue numeric(20, 4) not null,
    primary key (day, campaign, step, variant, currency)
);

create table kpi.event_revenue_daily (
    day date not null,
    campaign text not null,
    step text not null,
    variant text not null,
    currency text not null,
    orders bigint not null,
    revenue numeric(20, 4) not null,
    primary key (day, campaign, step, variant, currency)
);

create table kpi.list_movement (
    customer_id text not null,
    day date not null,
    movement text not null check (movement in (
        'joined', 'returned', 'unsubscribed', 'bounced', 'complained', 'sunset', 'withdrawn', 'erased'
    )),
    primary key (customer_id, day, movement)
);
create index list_movement_day on kpi.list_movement (day, movement);

create table kpi.list_daily (
    day date primary key,
    opening bigint not null default 0,
    joined bigint not null default 0,
    unsubscribed bigint not null default 0,
    bounced bigint not null default 0,
    complained bigint not null default 0,
    sunset bigint not null default 0,
    withdrawn bigint not null default 0,
    erased bigint not null default 0,
    returned bigint not null default 0,
    closing bigint not null default 0
);

create table kpi.list_change (
    customer_id text not null
);

create table kpi.rolled_load (
    load_id bigint primary key
);

create table kpi.progress (
    name text primary key,
    value text not null
);

create table kpi.roll_up (
    roll_up_id bigint generated always as identity primary key,
    rolled_up_at timestamptz not null,
    is_full boolean not null,
    outcomes bigint not null,
    customers bigint not null,
    orders bigint not null
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
        case
            when count(distinct d.currency) < 2 and bool_and(d.revenue is not null) then sum(d.revenue)
        end as revenue,
        case when count(distinct d.currency) < 2 and bool_and(d.revenue is not null) then max(d.currency) end
            as currency,
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

-- Growth of the list a day: (new - unsubscribed - hard bounced - complained) / opening.
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

-- What was decided, and why, by the day of the decision.
create view kpi.decision_daily as
select
    coalesce(o.planned_day, o.held_out_day, o.skipped_day, o.day) as day,
    o.campaign,
    o.step,
    o.variant,
    o.decision_outcome as outcome,
    o.decision_reason as reason,
    count(*) as steps
from kpi.step_outcome as o
where o.decision_id is not null
group by
    coalesce(o.planned_day, o.held_out_day, o.skipped_day, o.day), o.campaign, o.step, o.variant,
    o.decision_outcome, o.decision_reason;

-- Why nothing was mailed: steps skipped by their decision, and messages that ended without acceptance.
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
where o.accepted_at is null and (not o.is_open or o.state = 'in_doubt')
group by o.day, o.campaign, o.step, o.variant, o.state, o.decision_outcome, o.reason;

-- Where all messages stand, those in doubt included.
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
    cross join
        lateral (
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

-- Each campaign's conversion rate beside its own target.
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

comment on schema kpi is
'Stage 8, kpis: numerators and denominators an analyst can add up; rates are views over them.';

comment on table kpi.step_outcome is
'What became of each step, one row an enrollment and step: what all campaign numbers are counted from.';
comment on column kpi.step_outcome.enrollment_id is 'Enrollment.';
comment on column kpi.step_outcome.step is 'Step.';
comment on column kpi.step_outcome.campaign is 'Campaign.';
comment on column kpi.step_outcome.customer_id is 'Customer.';
comment on column kpi.step_outcome.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.step_outcome.day is 'Reporting day: of acceptance, else of the final decision.';
comment on column kpi.step_outcome.decision_id is 'Final decision; null = none is kept.';
comment on column kpi.step_outcome.decided_at is 'When it was made.';
comment on column kpi.step_outcome.decision_outcome is 'send, skip, defer, hold.';
comment on column kpi.step_outcome.decision_reason is 'Its reason.';
comment on column kpi.step_outcome.state is 'State of the message; null = there is none.';
comment on column kpi.step_outcome.reason is 'Why nothing was mailed: of the decision, or of the message.';
comment on column kpi.step_outcome.is_open is
'A message may still come or move: looked at again by the next roll-up.';
comment on column kpi.step_outcome.accepted_at is 'When the provider took the mail.';
comment on column kpi.step_outcome.goal_until is 'End of the conversion window.';
comment on column kpi.step_outcome.outcome is 'What became of an accepted mail, one each; pending = nothing heard.';
comment on column kpi.step_outcome.takes_credit is 'An order inside the window may be credited to it.';
comment on column kpi.step_outcome.planned_day is
'Reporting day a message was decided; null = there is none, likewise below.';
comment on column kpi.step_outcome.held_out_day is 'Held out.';
comment on column kpi.step_outcome.skipped_day is 'Skipped for another reason.';
comment on column kpi.step_outcome.accepted_day is 'Taken by the provider.';
comment on column kpi.step_outcome.delivered_day is 'Taken by the mailbox, or proven so by the recipient.';
comment on column kpi.step_outcome.opened_day is 'First human open.';
comment on column kpi.step_outcome.machine_opened_day is 'First machine open.';
comment on column kpi.step_outcome.clicked_day is 'First click.';
comment on column kpi.step_outcome.converted_day is 'Goal reached inside the window.';
comment on column kpi.step_outcome.bounced_hard_day is 'Hard bounce.';
comment on column kpi.step_outcome.bounced_soft_day is 'Soft bounce.';
comment on column kpi.step_outcome.dropped_day is 'Dropped by the provider.';
comment on column kpi.step_outcome.unsubscribed_day is 'Unsubscribed by this mail.';
comment on column kpi.step_outcome.complained_day is 'Spam report.';

comment on table kpi.campaign_daily is
'Counts of a day by what was accepted or decided on it, one row a reporting day, campaign, step and variant.';
comment on column kpi.campaign_daily.day is 'Reporting day: of acceptance, else of the final decision.';
comment on column kpi.campaign_daily.campaign is 'Campaign.';
comment on column kpi.campaign_daily.step is 'Step.';
comment on column kpi.campaign_daily.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.campaign_daily.planned is 'Messages made.';
comment on column kpi.campaign_daily.held_out is 'Steps of customers who are held out.';
comment on column kpi.campaign_daily.skipped is 'Steps skipped for any other reason.';
comment on column kpi.campaign_daily.accepted is 'Messages the provider took.';
comment on column kpi.campaign_daily.delivered is 'Of these: ended in the mailbox.';
comment on column kpi.campaign_daily.openers is 'Of delivered: opened by a human, many opens count once.';
comment on column kpi.campaign_daily.machine_openers is
'Of delivered: opened by a machine, beside and never inside openers.';
comment on column kpi.campaign_daily.clickers is 'Of delivered: clicked.';
comment on column kpi.campaign_daily.converters is 'Of accepted that did not bounce: goal reached inside the window.';
comment on column kpi.campaign_daily.revenue is
'Orders credited, in `currency`; null = several, see campaign_revenue_daily.';
comment on column kpi.campaign_daily.currency is 'ISO 4217; null = no order, or several currencies.';
comment on column kpi.campaign_daily.bounced_hard is 'Of accepted: ended in a hard bounce.';
comment on column kpi.campaign_daily.bounced_soft is 'Of accepted: ended in a soft bounce.';
comment on column kpi.campaign_daily.dropped is 'Of accepted: dropped by the provider.';
comment on column kpi.campaign_daily.unsubscribed is 'Of delivered: unsubscribed by this mail.';
comment on column kpi.campaign_daily.complained is 'Of delivered: spam report.';

comment on table kpi.event_daily is
'The same counts by the day on which each thing happened, one row a reporting day, campaign, step and variant.';
comment on column kpi.event_daily.day is 'Reporting day on which it happened.';
comment on column kpi.event_daily.campaign is 'Campaign.';
comment on column kpi.event_daily.step is 'Step.';
comment on column kpi.event_daily.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.event_daily.planned is 'Messages decided that day.';
comment on column kpi.event_daily.held_out is 'Steps held out that day.';
comment on column kpi.event_daily.skipped is 'Steps skipped that day.';
comment on column kpi.event_daily.accepted is 'Messages taken that day.';
comment on column kpi.event_daily.delivered is 'Messages that reached the mailbox that day.';
comment on column kpi.event_daily.openers is 'Messages first opened by a human that day.';
comment on column kpi.event_daily.machine_openers is 'Messages first opened by a machine that day.';
comment on column kpi.event_daily.clickers is 'Messages first clicked that day.';
comment on column kpi.event_daily.converters is 'Messages whose goal was reached that day.';
comment on column kpi.event_daily.revenue is 'Credited orders placed that day, in `currency`; null = several.';
comment on column kpi.event_daily.currency is 'ISO 4217; null = no order, or several currencies.';
comment on column kpi.event_daily.bounced_hard is 'Hard bounces that day.';
comment on column kpi.event_daily.bounced_soft is 'Soft bounces that day.';
comment on column kpi.event_daily.dropped is 'Drops that day.';
comment on column kpi.event_daily.unsubscribed is 'Messages by which a person unsubscribed that day.';
comment on column kpi.event_daily.complained is 'Messages reported as spam that day.';

comment on table kpi.order_credit is 'Which mail an order is credited to, one row an order.';
comment on column kpi.order_credit.order_id is 'Order, credited once.';
comment on column kpi.order_credit.customer_id is 'Who ordered.';
comment on column kpi.order_credit.enrollment_id is 'Message that takes the credit: the last one before the order…';
comment on column kpi.order_credit.step is '…whose window holds it.';
comment on column kpi.order_credit.campaign is 'Its campaign.';
comment on column kpi.order_credit.variant is 'Its arm.';
comment on column kpi.order_credit.day is 'Its reporting day.';
comment on column kpi.order_credit.order_day is 'Reporting day of the order.';
comment on column kpi.order_credit.currency is 'ISO 4217 of the order; XXX = it names none.';
comment on column kpi.order_credit.revenue is 'Order total.';

comment on table kpi.campaign_revenue_daily is
'Credited revenue by the mail''s day, one row a reporting day, campaign, step, variant and currency.';
comment on column kpi.campaign_revenue_daily.day is 'Reporting day of the message.';
comment on column kpi.campaign_revenue_daily.campaign is 'Campaign.';
comment on column kpi.campaign_revenue_daily.step is 'Step.';
comment on column kpi.campaign_revenue_daily.variant is 'Arm of the step.';
comment on column kpi.campaign_revenue_daily.currency is 'ISO 4217; XXX = the orders name none.';
comment on column kpi.campaign_revenue_daily.orders is 'Orders credited.';
comment on column kpi.campaign_revenue_daily.revenue is 'Their totals.';

comment on table kpi.event_revenue_daily is
'Credited revenue by the order''s day, one row a reporting day, campaign, step, variant and currency.';
comment on column kpi.event_revenue_daily.day is 'Reporting day of the order.';
comment on column kpi.event_revenue_daily.campaign is 'Campaign.';
comment on column kpi.event_revenue_daily.step is 'Step.';
comment on column kpi.event_revenue_daily.variant is 'Arm of the step.';
comment on column kpi.event_revenue_daily.currency is 'ISO 4217; XXX = the orders name none.';
comment on column kpi.event_revenue_daily.orders is 'Orders credited.';
comment on column kpi.event_revenue_daily.revenue is 'Their totals.';

comment on table kpi.list_movement is
'Comings and leavings of the list, one row a customer, reporting day and movement.';
comment on column kpi.list_movement.customer_id is 'Who came or went.';
comment on column kpi.list_movement.day is 'Reporting day.';
comment on column kpi.list_movement.movement is 'What happened; one coming and one leave a customer and day at most.';

comment on table kpi.list_daily is
'The list day by day, one row a reporting day: opening plus joined and returned, less those who left, is closing.';
comment on column kpi.list_daily.day is 'Reporting day; every day from the first movement on.';
comment on column kpi.list_daily.opening is 'Customers on the list when the day began.';
comment on column kpi.list_daily.joined is 'On the list for the first time.';
comment on column kpi.list_daily.unsubscribed is 'Left by unsubscribing from everything.';
comment on column kpi.list_daily.bounced is 'Left by a hard bounce or a lasting drop.';
comment on column kpi.list_daily.complained is 'Left by a spam report.';
comment on column kpi.list_daily.sunset is 'Left by our policy for the silent.';
comment on column kpi.list_daily.withdrawn is 'Left because permission was withdrawn or no longer confirmed.';
comment on column kpi.list_daily.erased is 'Left by erasure.';
comment on column kpi.list_daily.returned is 'On the list again.';
comment on column kpi.list_daily.closing is 'Customers on the list when the day ended.';

comment on table kpi.list_change is
'Customers whose place on the list the next roll-up looks at; rows may repeat and are taken away by it.';
comment on column kpi.list_change.customer_id is
'Customer whose permission, suppression or address changed since the last roll-up.';

comment on table kpi.rolled_load is 'Loads of feeds that the roll-up has taken in, one row a load.';
comment on column kpi.rolled_load.load_id is 'Finished load of feeds that the roll-up has taken in.';

comment on table kpi.progress is 'How far the roll-up has come, one row a thing it follows.';
comment on column kpi.progress.name is 'What: events, decisions:<campaign>, goal:<campaign>, reporting_zone.';
comment on column kpi.progress.value is 'How far, or what it was.';

comment on table kpi.roll_up is 'Runs of the roll-up, one row a run.';
comment on column kpi.roll_up.roll_up_id is 'One roll-up.';
comment on column kpi.roll_up.rolled_up_at is '`now` of the run.';
comment on column kpi.roll_up.is_full is 'Recomputed everything.';
comment on column kpi.roll_up.outcomes is 'Steps looked at.';
comment on column kpi.roll_up.customers is 'Customers whose list membership was looked at.';
comment on column kpi.roll_up.orders is 'Orders credited anew.';

comment on view kpi.campaign_rates is
'Rates beside their counts and benchmarks, one row a reporting day, campaign, step and variant; never average them.';
comment on column kpi.campaign_rates.day is 'Reporting day.';
comment on column kpi.campaign_rates.campaign is 'Campaign.';
comment on column kpi.campaign_rates.step is 'Step.';
comment on column kpi.campaign_rates.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.campaign_rates.planned is 'Messages made.';
comment on column kpi.campaign_rates.held_out is 'Steps of customers who are held out.';
comment on column kpi.campaign_rates.skipped is 'Steps skipped for any other reason.';
comment on column kpi.campaign_rates.accepted is 'Messages the provider took: denominator of deliveries and bounces.';
comment on column kpi.campaign_rates.delivered is
'Messages that ended in the mailbox: denominator of what people did.';
comment on column kpi.campaign_rates.delivery_rate is 'delivered / accepted; near 1 is good.';
comment on column kpi.campaign_rates.openers is 'Messages opened by a human.';
comment on column kpi.campaign_rates.open_rate is 'openers / delivered.';
comment on column kpi.campaign_rates.open_rate_benchmark is 'Guides'' benchmark.';
comment on column kpi.campaign_rates.machine_openers is 'Messages opened by a machine.';
comment on column kpi.campaign_rates.machine_open_rate is 'machine_openers / delivered; says nothing about people.';
comment on column kpi.campaign_rates.clickers is 'Messages clicked.';
comment on column kpi.campaign_rates.click_through_rate is 'clickers / delivered.';
comment on column kpi.campaign_rates.click_through_rate_benchmark is 'Guides'' benchmark.';
comment on column kpi.campaign_rates.click_to_open_rate is 'clickers / openers.';
comment on column kpi.campaign_rates.converters is 'Messages whose goal was reached inside the window.';
comment on column kpi.campaign_rates.conversion_rate is 'converters / delivered.';
comment on column kpi.campaign_rates.conversion_rate_benchmark is 'The campaign''s own target.';
comment on column kpi.campaign_rates.bounced_hard is 'Hard bounces.';
comment on column kpi.campaign_rates.hard_bounce_rate is 'bounced_hard / accepted.';
comment on column kpi.campaign_rates.bounced_soft is 'Soft bounces.';
comment on column kpi.campaign_rates.soft_bounce_rate is 'bounced_soft / accepted.';
comment on column kpi.campaign_rates.bounce_rate is '(bounced_hard + bounced_soft) / accepted.';
comment on column kpi.campaign_rates.bounce_rate_benchmark is 'Guides'' benchmark; below is good.';
comment on column kpi.campaign_rates.dropped is 'Messages the provider dropped.';
comment on column kpi.campaign_rates.drop_rate is 'dropped / accepted.';
comment on column kpi.campaign_rates.unsubscribed is 'Messages by which a person unsubscribed.';
comment on column kpi.campaign_rates.unsubscribe_rate is 'unsubscribed / delivered.';
comment on column kpi.campaign_rates.unsubscribe_rate_benchmark is 'Guides'' benchmark; below is good.';
comment on column kpi.campaign_rates.complained is 'Spam reports.';
comment on column kpi.campaign_rates.complaint_rate is 'complained / delivered.';
comment on column kpi.campaign_rates.complaint_rate_benchmark is
'Guides'' benchmark; below is good, 0.003 is the limit.';
comment on column kpi.campaign_rates.revenue is 'Orders credited, in `currency`; null = several currencies.';
comment on column kpi.campaign_rates.currency is 'ISO 4217; null = no order, or several currencies.';
comment on column kpi.campaign_rates.revenue_per_email is 'revenue / delivered.';

comment on view kpi.campaign_summary is
'All days together: one row a campaign (step, variant null), one a step of it (variant null), one an arm of that.';
comment on column kpi.campaign_summary.campaign is 'Campaign.';
comment on column kpi.campaign_summary.step is 'Step; null = the whole campaign.';
comment on column kpi.campaign_summary.variant is 'Arm of the step; null = all of them.';
comment on column kpi.campaign_summary.first_day is 'First reporting day.';
comment on column kpi.campaign_summary.last_day is 'Last reporting day.';
comment on column kpi.campaign_summary.planned is 'Messages made.';
comment on column kpi.campaign_summary.held_out is 'Steps of customers who are held out.';
comment on column kpi.campaign_summary.skipped is 'Steps skipped for any other reason.';
comment on column kpi.campaign_summary.accepted is
'Messages the provider took: denominator of deliveries and bounces.';
comment on column kpi.campaign_summary.delivered is
'Messages that ended in the mailbox: denominator of what people did.';
comment on column kpi.campaign_summary.delivery_rate is 'delivered / accepted; near 1 is good.';
comment on column kpi.campaign_summary.openers is 'Messages opened by a human.';
comment on column kpi.campaign_summary.open_rate is 'openers / delivered.';
comment on column kpi.campaign_summary.open_rate_benchmark is 'Guides'' benchmark.';
comment on column kpi.campaign_summary.machine_openers is 'Messages opened by a machine.';
comment on column kpi.campaign_summary.machine_open_rate is 'machine_openers / delivered; says nothing about people.';
comment on column kpi.campaign_summary.clickers is 'Messages clicked.';
comment on column kpi.campaign_summary.click_through_rate is 'clickers / delivered.';
comment on column kpi.campaign_summary.click_through_rate_benchmark is 'Guides'' benchmark.';
comment on column kpi.campaign_summary.click_to_open_rate is 'clickers / openers.';
comment on column kpi.campaign_summary.converters is 'Messages whose goal was reached inside the window.';
comment on column kpi.campaign_summary.conversion_rate is 'converters / delivered.';
comment on column kpi.campaign_summary.conversion_rate_benchmark is 'The campaign''s own target.';
comment on column kpi.campaign_summary.bounced_hard is 'Hard bounces.';
comment on column kpi.campaign_summary.hard_bounce_rate is 'bounced_hard / accepted.';
comment on column kpi.campaign_summary.bounced_soft is 'Soft bounces.';
comment on column kpi.campaign_summary.soft_bounce_rate is 'bounced_soft / accepted.';
comment on column kpi.campaign_summary.bounce_rate is '(bounced_hard + bounced_soft) / accepted.';
comment on column kpi.campaign_summary.bounce_rate_benchmark is 'Guides'' benchmark; below is good.';
comment on column kpi.campaign_summary.dropped is 'Messages the provider dropped.';
comment on column kpi.campaign_summary.drop_rate is 'dropped / accepted.';
comment on column kpi.campaign_summary.unsubscribed is 'Messages by which a person unsubscribed.';
comment on column kpi.campaign_summary.unsubscribe_rate is 'unsubscribed / delivered.';
comment on column kpi.campaign_summary.unsubscribe_rate_benchmark is 'Guides'' benchmark; below is good.';
comment on column kpi.campaign_summary.complained is 'Spam reports.';
comment on column kpi.campaign_summary.complaint_rate is 'complained / delivered.';
comment on column kpi.campaign_summary.complaint_rate_benchmark is
'Guides'' benchmark; below is good, 0.003 is the limit.';
comment on column kpi.campaign_summary.revenue is 'Orders credited, in `currency`; null = several currencies.';
comment on column kpi.campaign_summary.currency is 'ISO 4217; null = no order, or several currencies.';
comment on column kpi.campaign_summary.revenue_per_email is 'revenue / delivered.';

comment on view kpi.list_growth is 'Growth of the list, one row a reporting day.';
comment on column kpi.list_growth.day is 'Reporting day.';
comment on column kpi.list_growth.opening is 'Customers on the list when the day began.';
comment on column kpi.list_growth.gained is 'Joined or returned.';
comment on column kpi.list_growth.lost is 'Left for any reason.';
comment on column kpi.list_growth.closing is 'Customers on the list when the day ended.';
comment on column kpi.list_growth.growth is 'gained - unsubscribed - bounced - complained.';
comment on column kpi.list_growth.growth_rate is 'growth / opening.';
comment on column kpi.list_growth.growth_rate_benchmark is 'Guides'' benchmark; above is good.';
comment on column kpi.list_growth.unsubscribed_share is 'unsubscribed / opening.';
comment on column kpi.list_growth.bounced_share is 'bounced / opening.';
comment on column kpi.list_growth.complained_share is 'complained / opening.';

comment on view kpi.decision_daily is
'Decisions by outcome and reason, one row a reporting day, campaign, step, variant, outcome and reason.';
comment on column kpi.decision_daily.day is 'Reporting day of the decision.';
comment on column kpi.decision_daily.campaign is 'Campaign.';
comment on column kpi.decision_daily.step is 'Step.';
comment on column kpi.decision_daily.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.decision_daily.outcome is 'send, skip, defer, hold.';
comment on column kpi.decision_daily.reason is 'Named reason.';
comment on column kpi.decision_daily.steps is 'Steps decided so.';

comment on view kpi.refused_daily is
'Steps that no mail went out for, one row a reporting day, campaign, step, variant and reason.';
comment on column kpi.refused_daily.day is 'Reporting day of the decision.';
comment on column kpi.refused_daily.campaign is 'Campaign.';
comment on column kpi.refused_daily.step is 'Step.';
comment on column kpi.refused_daily.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.refused_daily.refused_by is 'decision, or message: after it was planned.';
comment on column kpi.refused_daily.outcome is 'skip, or the message''s state.';
comment on column kpi.refused_daily.reason is 'Named reason.';
comment on column kpi.refused_daily.steps is 'Steps not mailed.';

comment on view kpi.message_states is 'States of all messages, one row a campaign, step, variant, state and outcome.';
comment on column kpi.message_states.campaign is 'Campaign.';
comment on column kpi.message_states.step is 'Step.';
comment on column kpi.message_states.variant is 'Arm of the step.';
comment on column kpi.message_states.state is 'State of the message.';
comment on column kpi.message_states.outcome is 'What became of it once accepted.';
comment on column kpi.message_states.messages is 'Messages.';

comment on view kpi.campaign_lift is
'Conversions of treated and held-out customers from enrollment on, one row a campaign; intervals are 95 %.';
comment on column kpi.campaign_lift.campaign is 'Campaign.';
comment on column kpi.campaign_lift.treated is 'Enrollments that get mail.';
comment on column kpi.campaign_lift.treated_converters is 'Of these: goal reached within the window from enrollment.';
comment on column kpi.campaign_lift.treated_rate is 'treated_converters / treated.';
comment on column kpi.campaign_lift.held_out is 'Enrollments that get nothing.';
comment on column kpi.campaign_lift.held_out_converters is
'Of these: goal reached within the window from enrollment.';
comment on column kpi.campaign_lift.held_out_rate is 'held_out_converters / held_out.';
comment on column kpi.campaign_lift.lift is 'treated_rate - held_out_rate; above 0 is good.';
comment on column kpi.campaign_lift.lift_low is 'Lower bound of the lift, 95 %.';
comment on column kpi.campaign_lift.lift_high is 'Upper bound of the lift, 95 %.';

comment on view kpi.campaign_goal is 'Progress of each campaign towards its goal, one row a campaign.';
comment on column kpi.campaign_goal.campaign is 'Campaign.';
comment on column kpi.campaign_goal.goal_event is 'What counts as a conversion.';
comment on column kpi.campaign_goal.goal_within_days is 'Conversion window, days of 24 hours.';
comment on column kpi.campaign_goal.goal_target_ratio is 'Target conversion rate.';
comment on column kpi.campaign_goal.goal_until is 'Date the target is for.';
comment on column kpi.campaign_goal.delivered is 'Messages delivered.';
comment on column kpi.campaign_goal.converters is 'Messages whose goal was reached inside the window.';
comment on column kpi.campaign_goal.conversion_rate is 'converters / delivered.';
comment on column kpi.campaign_goal.above_target is 'conversion_rate - goal_target_ratio.';
comment on column kpi.campaign_goal.is_reached is 'The target is reached.';
comment on column kpi.campaign_goal.converters_missing is
'Conversions lacking for the target at today''s deliveries.';
