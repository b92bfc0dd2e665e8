-- What became of each step that is looked at, in the form in which it is stored: the day of each fact, null = it did
-- not happen. The table is dropped with the transaction.
-- grain: one row per (enrollment, step)
-- reporting_zone text: IANA zone of the days
create temporary table kpi_outcome on commit drop as
select
    judged.enrollment_id,
    judged.step,
    judged.campaign,
    judged.customer_id,
    judged.variant,
    cast(coalesce(judged.accepted_at, judged.first_seen_at) at time zone cast(:reporting_zone as text) as date) as day,
    judged.decision_id,
    judged.decided_at,
    judged.decision_outcome,
    judged.decision_reason,
    judged.state,
    case
        when judged.accepted_at is not null then null
        when judged.state is not null then judged.message_reason
        else judged.decision_reason
    end as reason,
    case
        when judged.state is null then judged.decision_outcome <> 'skip'
        else judged.state in ('planned', 'claimed', 'in_doubt')
    end as is_open,
    judged.accepted_at,
    judged.goal_until,
    judged.outcome,
    case when credited.is_credited then judged.credit_model end as credit_model,
    case when credited.is_credited then judged.touched_at end as credit_since,
    case when credited.is_credited then judged.touched_at + judged.credited_for end as credit_until,
    -- If the goal is an order and no order reached it, no order of the same time can be credited either.
    coalesce(
        judged.goal_event = 'order'
        and goal.goal_reached_at is null
        and goal.ahead_at is null
        and judged.touched_at >= judged.accepted_at
        and judged.touched_at + judged.credited_for <= judged.goal_until,
        false
    ) as is_without_orders,
    cast(each_moment at time zone cast(:reporting_zone as text) as date) as each_day
from kpi_judged as judged
cross join
    lateral (
        select
            judged.is_marketing
            and judged.outcome in ('delivered', 'pending')
            and judged.touched_at is not null as is_credited
    ) as credited
left join kpi_goal as goal on judged.enrollment_id = goal.enrollment_id and judged.step = goal.step
