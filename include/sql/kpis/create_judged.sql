-- What is known of each step that is looked at, from the base facts alone, and what became of its mail.
-- Each accepted mail has one outcome. A hard bounce is final. Otherwise the latest counts of delivery, soft bounce and
-- drop; an open, a click (a machine's too), an unsubscribe or a complaint proves delivery. If nothing was heard, it is
-- pending. bounced_soft_at is the newest one. Events dated later than now do not count yet (heard_ahead_at: the first).
-- If the newest event of its kind is one of these, the newest up to now is looked up among the raw events of the mail.
-- The table is dropped with the transaction.
-- grain: one row per (enrollment, step)
-- now timestamptz
create temporary table kpi_judged on commit drop as
with engagement as not materialized (
    select
        heard.enrollment_id,
        heard.step,
        case when heard.delivered_at <= asked.at then heard.delivered_at end as delivered_at,
        case when heard.bounced_hard_at <= asked.at then heard.bounced_hard_at end as bounced_hard_at,
        case
            when heard.last_delivered_at <= asked.at then heard.last_delivered_at
            when heard.delivered_at <= asked.at
                then greatest(heard.delivered_at, (
                    select max(event.occurred_at)
                    from event.event
                    where
                        event.message_id = heard.message_id
                        and event.event = 'delivered'
                        and event.occurred_at <= asked.at
                ))
        end as last_delivered_at,
        case
            when heard.last_bounced_soft_at <= asked.at then heard.last_bounced_soft_at
            when heard.bounced_soft_at <= asked.at
                then greatest(heard.bounced_soft_at, (
                    select max(event.occurred_at)
                    from event.event
                    where
                        event.message_id = heard.message_id
                        and event.fact = 'bounced_soft'
                        and event.occurred_at <= asked.at
                ))
        end as bounced_soft_at,
        case when heard.dropped_at <= asked.at then heard.dropped_at end as dropped_at,
        case when heard.first_open_at <= asked.at then heard.first_open_at end as first_open_at,
        case when heard.first_machine_open_at <= asked.at then heard.first_machine_open_at end as first_machine_open_at,
        case when heard.first_click_at <= asked.at then heard.first_click_at end as first_click_at,
        case
            when heard.first_machine_click_at <= asked.at then heard.first_machine_click_at
        end as first_machine_click_at,
        case when heard.unsubscribed_at <= asked.at then heard.unsubscribed_at end as unsubscribed_at,
        case when heard.complained_at <= asked.at then heard.complained_at end as complained_at,
        case
            when heard.last_open_at <= asked.at then heard.last_open_at
            when heard.first_open_at <= asked.at
                then greatest(heard.first_open_at, (
                    select max(event.occurred_at)
                    from event.event
                    where
                        event.message_id = heard.message_id
                        and event.event = 'open'
                        and event.fact is null
                        and event.occurred_at <= asked.at
                ))
        end as last_open_at,
        case
            when heard.last_click_at <= asked.at then heard.last_click_at
            when heard.first_click_at <= asked.at
                then greatest(heard.first_click_at, (
                    select max(click.clicked_at)
                    from event.click
                    where
                        click.enrollment_id = heard.enrollment_id
                        and click.step = heard.step
                        and click.kind = 'human'
                        and click.clicked_at <= asked.at
                ))
        end as last_click_at,
        case
            when
                greatest(
                    heard.delivered_at, heard.bounced_hard_at, heard.bounced_soft_at, heard.dropped_at,
                    heard.last_delivered_at, heard.last_bounced_soft_at, heard.last_open_at, heard.unsubscribed_at,
                    heard.last_click_at, heard.first_machine_open_at, heard.first_machine_click_at, heard.complained_at
                ) > asked.at
                then (
                    select min(moment.at)
                    from
                        unnest(array[
                            heard.delivered_at, heard.bounced_hard_at, heard.bounced_soft_at, heard.dropped_at,
                            heard.first_open_at, heard.last_open_at, heard.first_machine_open_at, heard.first_click_at,
                            heard.last_click_at, heard.unsubscribed_at, heard.complained_at,
                            heard.last_delivered_at, heard.last_bounced_soft_at, heard.first_machine_click_at
                        ]) as moment (at)
                    where moment.at > asked.at
                )
        end as heard_ahead_at
    from event.engagement as heard
    cross join (select cast(:now as timestamptz) as at) as asked
),

known as (
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
    left join engagement
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
