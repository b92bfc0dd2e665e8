-- What became of each step looked at, from the base facts alone.
-- One final outcome an accepted mail: a hard bounce is final; otherwise the latest of delivery (or what proves it:
-- an open, a click, an unsubscribe, a complaint), soft bounce and drop; nothing heard = pending.
-- grain: one row an (enrollment, step)
-- reporting_zone text: IANA zone of the days
create temporary table kpi_outcome on commit drop as
with fact as (
    select
        touched.enrollment_id,
        touched.step,
        coalesce(mail.campaign, touched.campaign) as campaign,
        coalesce(mail.customer_id, touched.customer_id) as customer_id,
        coalesce(mail.variant, touched.variant) as variant,
        touched.decision_id,
        touched.decided_at,
        touched.decision_outcome,
        touched.decision_reason,
        mail.state,
        mail.reason as message_reason,
        coalesce(touched.decided_at, mail.planned_at) as first_seen_at,
        mail.accepted_at,
        mail.accepted_at + campaign.goal_within_days * interval '24 hours' as goal_until,
        campaign.is_marketing,
        campaign.goal_event,
        engagement.delivered_at,
        engagement.bounced_hard_at,
        engagement.bounced_soft_at,
        engagement.dropped_at,
        engagement.first_open_at,
        engagement.first_machine_open_at,
        engagement.first_click_at,
        engagement.unsubscribed_at,
        engagement.complained_at,
        coalesce(engagement.delivered_at, least(
            engagement.first_open_at, engagement.first_machine_open_at, engagement.first_click_at,
            engagement.unsubscribed_at, engagement.complained_at
        )) as reached_at,
        greatest(
            engagement.delivered_at, engagement.last_open_at, engagement.first_machine_open_at,
            engagement.last_click_at, engagement.unsubscribed_at, engagement.complained_at
        ) as last_reached_at
    from kpi_touched as touched
    left join lateral (
        select
            message.campaign,
            message.customer_id,
            message.variant,
            message.state,
            message.reason,
            message.planned_at,
            case when message.state = 'accepted' then message.accepted_at end as accepted_at
        from message.message
        where message.enrollment_id = touched.enrollment_id and message.step = touched.step
        offset 0
    ) as mail on true
    left join lateral (
        select known.*
        from event.engagement as known
        where known.enrollment_id = touched.enrollment_id and known.step = touched.step
        offset 0
    ) as engagement on true
    left join journey.campaign on coalesce(mail.campaign, touched.campaign) = campaign.campaign
),

judged as (
    select
        fact.*,
        case
            when fact.accepted_at is null then null
            when fact.bounced_hard_at is not null then 'bounced_hard'
            when
                fact.last_reached_at > coalesce(greatest(fact.bounced_soft_at, fact.dropped_at), '-infinity')
                then 'delivered'
            when fact.bounced_soft_at >= coalesce(fact.dropped_at, '-infinity') then 'bounced_soft'
            when fact.dropped_at is not null then 'dropped'
            else 'pending'
        end as outcome
    from fact
    -- The look-ups of goals below find neighbours in the index of the customers' facts, one after the other: half the
    -- time of the order of enrollments, and hardly more in a long history than in a short one.
    order by fact.customer_id, fact.accepted_at
    offset 0
),

goaled as (
    select
        judged.*,
        case
            when judged.outcome is null or judged.outcome not in ('delivered', 'pending') then null
            when judged.goal_event = 'open'
                then case when judged.first_open_at <= judged.goal_until then judged.first_open_at end
            when judged.goal_event = 'click'
                then case when judged.first_click_at <= judged.goal_until then judged.first_click_at end
            else reached.reached_at
        end as converted_at
    from judged
    left join lateral (
        select min(goal_fact.reached_at) as reached_at
        from
            kpi.goal_facts(
                judged.goal_event, judged.campaign, judged.customer_id, judged.accepted_at, judged.goal_until
            ) as goal_fact
        -- Written into this statement, the function is an index probe a mail.
        offset 0
    ) as reached on true
)

select
    goaled.enrollment_id,
    goaled.step,
    goaled.campaign,
    goaled.customer_id,
    goaled.variant,
    cast(coalesce(goaled.accepted_at, goaled.first_seen_at) at time zone cast(:reporting_zone as text) as date) as day,
    goaled.decision_id,
    goaled.decided_at,
    goaled.decision_outcome,
    goaled.decision_reason,
    goaled.state,
    case
        when goaled.accepted_at is not null then null
        when goaled.state is not null then goaled.message_reason
        else goaled.decision_reason
    end as reason,
    case
        when goaled.state is null then goaled.decision_outcome <> 'skip'
        else goaled.state in ('planned', 'claimed', 'in_doubt')
    end as is_open,
    goaled.accepted_at,
    goaled.goal_until,
    goaled.outcome,
    coalesce(goaled.is_marketing and goaled.outcome in ('delivered', 'pending'), false) as takes_credit,
    case
        when goaled.state is not null
            then cast(goaled.first_seen_at at time zone cast(:reporting_zone as text) as date)
    end as planned_day,
    case
        when goaled.state is null and goaled.decision_outcome = 'skip' and goaled.decision_reason = 'held_out'
            then cast(goaled.first_seen_at at time zone cast(:reporting_zone as text) as date)
    end as held_out_day,
    case
        when goaled.state is null and goaled.decision_outcome = 'skip' and goaled.decision_reason <> 'held_out'
            then cast(goaled.first_seen_at at time zone cast(:reporting_zone as text) as date)
    end as skipped_day,
    cast(goaled.accepted_at at time zone cast(:reporting_zone as text) as date) as accepted_day,
    case
        when goaled.outcome = 'delivered'
            then cast(goaled.reached_at at time zone cast(:reporting_zone as text) as date)
    end as delivered_day,
    case
        when goaled.outcome = 'delivered'
            then cast(goaled.first_open_at at time zone cast(:reporting_zone as text) as date)
    end as opened_day,
    case
        when goaled.outcome = 'delivered'
            then cast(goaled.first_machine_open_at at time zone cast(:reporting_zone as text) as date)
    end as machine_opened_day,
    case
        when goaled.outcome = 'delivered'
            then cast(goaled.first_click_at at time zone cast(:reporting_zone as text) as date)
    end as clicked_day,
    cast(goaled.converted_at at time zone cast(:reporting_zone as text) as date) as converted_day,
    case
        when goaled.outcome = 'bounced_hard'
            then cast(goaled.bounced_hard_at at time zone cast(:reporting_zone as text) as date)
    end as bounced_hard_day,
    case
        when goaled.outcome = 'bounced_soft'
            then cast(goaled.bounced_soft_at at time zone cast(:reporting_zone as text) as date)
    end as bounced_soft_day,
    case
        when goaled.outcome = 'dropped'
            then cast(goaled.dropped_at at time zone cast(:reporting_zone as text) as date)
    end as dropped_day,
    case
        when goaled.outcome = 'delivered'
            then cast(goaled.unsubscribed_at at time zone cast(:reporting_zone as text) as date)
    end as unsubscribed_day,
    case
        when goaled.outcome = 'delivered'
            then cast(goaled.complained_at at time zone cast(:reporting_zone as text) as date)
    end as complained_day
from goaled
