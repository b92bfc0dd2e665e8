-- The first and last facts of the step's new events, per mail. The table is dropped with the transaction. Every fact
-- is a minimum, a maximum or a count of distinct events, so the order in which events arrive does not matter.
-- Clicks are not folded here: who clicked is judged from all clicks of a mail. An event without our ids proves no
-- acceptance, so it is left out of first_event_at.
-- may_settle: the evidence may change the state of the mail
-- grain: one row per message
create temporary table event_folded on commit drop as
with fact as (
    select
        staged.message_id,
        min(staged.occurred_at) filter (where not staged.is_matched) as first_event_at,
        min(staged.occurred_at) filter (where staged.fact = 'processed') as processed_at,
        min(staged.occurred_at) filter (where staged.fact = 'delivered') as delivered_at,
        max(staged.occurred_at) filter (where staged.fact = 'delivered') as last_delivered_at,
        min(staged.occurred_at) filter (where staged.fact = 'deferred') as deferred_at,
        count(*) filter (where staged.fact = 'deferred') as deferred_count,
        min(staged.occurred_at) filter (where staged.fact = 'bounced_hard') as bounced_hard_at,
        min(staged.occurred_at) filter (where staged.fact = 'bounced_soft') as bounced_soft_at,
        max(staged.occurred_at) filter (where staged.fact = 'bounced_soft') as last_bounced_soft_at,
        min(staged.occurred_at) filter (where staged.fact = 'dropped') as dropped_at,
        min(staged.occurred_at) filter (where staged.fact = 'open') as first_open_at,
        max(staged.occurred_at) filter (where staged.fact = 'open') as last_open_at,
        min(staged.occurred_at) filter (where staged.fact = 'machine_open') as first_machine_open_at,
        coalesce(bool_or(staged.fact = 'click'), false) as has_click,
        min(staged.occurred_at) filter (where staged.fact = 'unsubscribe') as unsubscribed_at,
        min(staged.occurred_at) filter (where staged.fact = 'complaint') as complained_at
    from event_staging as staged
    where staged.message_id is not null
    group by staged.message_id
),

-- Few events give a reason. They are read apart, so that the others need no sort.
told as (
    select distinct on (staged.message_id)
        staged.message_id,
        staged.reason,
        staged.occurred_at as reason_at
    from event_staging as staged
    where staged.message_id is not null and staged.reason is not null
    order by staged.message_id asc, staged.occurred_at desc, staged.reason desc
),

mail as (
    select
        fact.*,
        message.enrollment_of(fact.message_id) as enrollment_id
    from fact
    -- In this order, rows next to each other share pages of every index that is read next.
    order by fact.message_id
)

select
    ours.enrollment_id,
    ours.step,
    ours.campaign,
    ours.customer_id,
    ours.may_settle,
    mail.message_id,
    mail.first_event_at,
    mail.processed_at,
    mail.delivered_at,
    mail.last_delivered_at,
    mail.deferred_at,
    mail.deferred_count,
    mail.bounced_hard_at,
    mail.bounced_soft_at,
    mail.last_bounced_soft_at,
    mail.dropped_at,
    told.reason,
    told.reason_at,
    mail.first_open_at,
    mail.last_open_at,
    mail.first_machine_open_at,
    mail.has_click,
    mail.unsubscribed_at,
    mail.complained_at
from mail
inner join lateral (
    select
        message.enrollment_id,
        message.step,
        message.campaign,
        message.customer_id,
        message.state <> 'accepted' or message.reason is not null as may_settle
    from message.message
    where message.enrollment_id = mail.enrollment_id and message.message_id = mail.message_id
    -- Keeps this an index probe per message, however many messages there are.
    offset 0
) as ours on true
left join told on mail.message_id = told.message_id
