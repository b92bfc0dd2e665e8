-- Merge the step's facts into what is known of their messages. Clicks are folded apart (fold_clicks).
-- grain: one row per message
-- batch_id bigint
insert into event.engagement as known (
    enrollment_id, step, message_id, campaign, customer_id, first_event_at, processed_at, delivered_at,
    deferred_at,
    deferred_count,
    bounced_hard_at,
    bounced_soft_at,
    dropped_at,
    reason,
    reason_at,
    first_open_at,
    last_open_at,
    first_machine_open_at,
    unsubscribed_at,
    complained_at,
    batch_id,
    last_delivered_at,
    last_bounced_soft_at
)
select
    folded.enrollment_id,
    folded.step,
    folded.message_id,
    folded.campaign,
    folded.customer_id,
    folded.first_event_at,
    folded.processed_at,
    folded.delivered_at,
    folded.deferred_at,
    folded.deferred_count,
    folded.bounced_hard_at,
    folded.bounced_soft_at,
    folded.dropped_at,
    folded.reason,
    folded.reason_at,
    folded.first_open_at,
    folded.last_open_at,
    folded.first_machine_open_at,
    folded.unsubscribed_at,
    folded.complained_at,
    cast(:batch_id as bigint) as batch_id,
    folded.last_delivered_at,
    folded.last_bounced_soft_at
from event_folded as folded
on conflict (enrollment_id, step) do update
    set
        first_event_at = least(known.first_event_at, excluded.first_event_at),
        processed_at = least(known.processed_at, excluded.processed_at),
        delivered_at = least(known.delivered_at, excluded.delivered_at),
        deferred_at = least(known.deferred_at, excluded.deferred_at),
        deferred_count = known.deferred_count + excluded.deferred_count,
        bounced_hard_at = least(known.bounced_hard_at, excluded.bounced_hard_at),
        bounced_soft_at = least(known.bounced_soft_at, excluded.bounced_soft_at),
        dropped_at = least(known.dropped_at, excluded.dropped_at),
        reason = case
            when excluded.reason_at > known.reason_at then excluded.reason
            when excluded.reason_at = known.reason_at then greatest(excluded.reason, known.reason)
            else coalesce(known.reason, excluded.reason)
        end,
        reason_at = greatest(known.reason_at, excluded.reason_at),
        first_open_at = least(known.first_open_at, excluded.first_open_at),
        last_open_at = greatest(known.last_open_at, excluded.last_open_at),
        first_machine_open_at = least(known.first_machine_open_at, excluded.first_machine_open_at),
        unsubscribed_at = least(known.unsubscribed_at, excluded.unsubscribed_at),
        complained_at = least(known.complained_at, excluded.complained_at),
        batch_id = excluded.batch_id,
        last_delivered_at = greatest(known.last_delivered_at, excluded.last_delivered_at),
        last_bounced_soft_at = greatest(known.last_bounced_soft_at, excluded.last_bounced_soft_at)
