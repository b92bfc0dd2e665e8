-- What is known of each step that is looked at, from the base facts alone, and what became of its mail.
-- Each accepted mail has one outcome. A hard bounce is final. Otherwise the latest counts of delivery, soft bounce and
-- drop; an open, a click (a machine's too), an unsubscribe or a complaint proves delivery. If nothing was heard, it is
-- pending. bounced_soft_at is the newest one. Events dated later than now do not count yet (heard_ahead_at: the first).
-- The table is dropped with the transaction.
-- grain: one row per (enrollment, step)
-- now timestamptz
create temporary table kpi_judged on commit drop as
with known as (
    select
        touched.enrollment_id,
        touched.step,
        coalesce(message.campaign, touched.campaign) as campaign,
        coalesce(message.customer_id, touched.customer_id) as customer_id,
        coalesce(message.variant, touched.variant) as variant,
        touched.decision_id,
        touched.decided_at,
        touched.decision_outcome,
        touched.decision_reason,
        message.state,
        message.reason as message_reason,
        coalesce(touched.decided_at, message.planned_at) as first_seen_at,
        case when message.state = 'accepted' then message.accepted_at end as accepted_at,
        engagement.delivered_at,
        engagement.bounced_hard_at,
        engagement.bounced_soft_at,
        engagement.dropped_at,
        engagement.first_open_at,
        engagement.first_machine_open_at,
        engagement.first_click_at,
        engagement.first_machine_click_at,
        engagement.unsubscribed_at,
        engagement.complained_at,
        engagement.heard_ahead_at,
        coalesce(engagement.delivered_at, least(
            engagement.first_open_at, engagement.first_machine_open_at, engagement.first_click_at,
            engagement.first_machine_click_at, engagement.unsubscribed_at, engagement.complained_at
        )) as reached_at,
        greatest(
            engagement.last_delivered_at, engagement.last_open_at, engagement.first_machine_open_at,
            engagement.last_click_at, engagement.first_machine_click_at, engagement.unsubscribed_at,
            engagement.complained_at
        ) as last_reached_at
    from kpi_touched as touched
    left join message.message on touched.enrollment_id = message.enrollment_id and touched.step = message.step
    left join kpi.heard_at(cast(:now as timestamptz)) as engagement
        on touched.enrollment_id = engagement.enrollment_id and touched.step = engagement.step
)

select
    known.*,
    campaign.goal_event,
    known.accepted_at + campaign.goal_within_days * interval '24 hours' as goal_until,
    campaign.is_marketing,
    case
        when known.state is null and known.decision_outcome = 'skip' then known.decision_reason
    end as refused_by,
    case
        when known.accepted_at is null then null
        when known.bounced_hard_at is not null then 'bounced_hard'
        when
            known.last_reached_at > coalesce(greatest(known.bounced_soft_at, known.dropped_at), '-infinity')
            then 'delivered'
        when known.bounced_soft_at >= coalesce(known.dropped_at, '-infinity') then 'bounced_soft'
        when known.dropped_at is not null then 'dropped'
        else 'pending'
    end as outcome
from known
left join journey.campaign on known.campaign = campaign.campaign
-- Goals are looked up in this order, so that look-ups read index pages of the customers' facts one after the other.
order by known.customer_id, known.accepted_at
