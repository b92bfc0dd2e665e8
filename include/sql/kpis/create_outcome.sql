-- What became of each step that is looked at, in the form in which it is stored: the day of each fact, null = it did
-- not happen. A mail takes credit from the touch that its campaign's attribution names. A click without an open opened
-- the mail. The table is dropped with the transaction.
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
    case when touch.touched_at is not null then campaign.credit_model end as credit_model,
    touch.touched_at as credit_since,
    touch.touched_at + touch.credited_for as credit_until,
    -- If the goal is an order and no order reached it, no order of the same time can be credited either.
    coalesce(
        judged.goal_event = 'order'
        and goal.goal_reached_at is null
        and goal.ahead_at is null
        and touch.touched_at >= judged.accepted_at
        and touch.touched_at + touch.credited_for <= judged.goal_until,
        false
    ) as is_without_orders,
    cast(each_moment at time zone cast(:reporting_zone as text) as date) as each_day
from kpi_judged as judged
left join journey.campaign on judged.campaign = campaign.campaign
cross join
    lateral (
        select
            case
                when (judged.is_marketing and judged.outcome in ('delivered', 'pending')) is not true then null
                when campaign.credit_model = 'sent' then judged.accepted_at
                when campaign.credit_model = 'opened' then least(judged.first_open_at, judged.first_click_at)
                when campaign.credit_model = 'clicked' then judged.first_click_at
            end as touched_at,
            coalesce(campaign.credit_within_days, campaign.goal_within_days) * interval '24 hours' as credited_for
    ) as touch
left join kpi_goal as goal on judged.enrollment_id = goal.enrollment_id and judged.step = goal.step
