-- Fold the step's new events to first and last facts of their messages. Every fact is a minimum, a maximum
-- or a count of distinct events, so the order in which events arrive does not matter.
-- grain: one row a message
-- batch_id bigint
with fact as (
    select
        staged.message_id,
        message.enrollment_of(staged.message_id) as enrollment_id,
        min(staged.occurred_at) as first_event_at,
        min(staged.occurred_at) filter (where staged.fact = 'processed') as processed_at,
        min(staged.occurred_at) filter (where staged.fact = 'delivered') as delivered_at,
        min(staged.occurred_at) filter (where staged.fact = 'deferred') as deferred_at,
        count(*) filter (where staged.fact = 'deferred') as deferred_count,
        min(staged.occurred_at) filter (where staged.fact = 'bounced_hard') as bounced_hard_at,
        min(staged.occurred_at) filter (where staged.fact = 'bounced_soft') as bounced_soft_at,
        min(staged.occurred_at) filter (where staged.fact = 'dropped') as dropped_at,
        (
            array_agg(staged.reason order by staged.occurred_at desc, staged.reason desc)
            filter (where staged.reason is not null)
        )[1] as reason,
        max(staged.occurred_at) filter (where staged.reason is not null) as reason_at,
        min(staged.occurred_at) filter (where staged.fact = 'open') as first_open_at,
        max(staged.occurred_at) filter (where staged.fact = 'open') as last_open_at,
        min(staged.occurred_at) filter (where staged.fact = 'machine_open') as first_machine_open_at,
        min(staged.occurred_at) filter (where staged.fact = 'click') as first_click_at,
        max(staged.occurred_at) filter (where staged.fact = 'click') as last_click_at,
        min(staged.occurred_at) filter (where staged.fact = 'unsubscribe') as unsubscribed_at,
        min(staged.occurred_at) filter (where staged.fact = 'complaint') as complained_at
    from event_staging as staged
    where staged.message_id is not null
    group by staged.message_id
)

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
    first_click_at,
    last_click_at,
    unsubscribed_at,
    complained_at,
    batch_id
)
select
    ours.enrollment_id,
    ours.step,
    ours.message_id,
    ours.campaign,
    ours.customer_id,
    fact.first_event_at,
    fact.processed_at,
    fact.delivered_at,
    fact.deferred_at,
    fact.deferred_count,
    fact.bounced_hard_at,
    fact.bounced_soft_at,
    fact.dropped_at,
    fact.reason,
    fact.reason_at,
    fact.first_open_at,
    fact.last_open_at,
    fact.first_machine_open_at,
    fact.first_click_at,
    fact.last_click_at,
    fact.unsubscribed_at,
    fact.complained_at,
    cast(:batch_id as bigint) as batch_id
from fact
inner join lateral (
    select
        message.enrollment_id,
        message.step,
        message.message_id,
        message.campaign,
        message.customer_id
    from message.message
    where message.enrollment_id = fact.enrollment_id and message.message_id = fact.message_id
    -- Keeps this an index probe a message, however many messages there are.
    offset 0
) as ours on true
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
        first_click_at = least(known.first_click_at, excluded.first_click_at),
        last_click_at = greatest(known.last_click_at, excluded.last_click_at),
        unsubscribed_at = least(known.unsubscribed_at, excluded.unsubscribed_at),
        complained_at = least(known.complained_at, excluded.complained_at),
        batch_id = excluded.batch_id
