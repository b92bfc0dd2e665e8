-- A mail dropped as *Unsubscribed Address* says that the person left: a topic where the mail named its group, otherwise
-- everything. It was kept as an address that is never to be mailed again. Rows that raw events explain wholly (every
-- time they were said) become what they are; the others stay, and docs/runbook.md says how they are looked at.
create temporary table former_drop on commit drop as
with told as (
    select
        suppression.address,
        suppression.suppressed_at,
        suppression.last_suppressed_at,
        suppression.batch_id,
        event.occurred_at,
        btrim(lower(event.raw ->> 'reason')) = 'unsubscribed address' as has_left,
        case when event.raw ->> 'asm_group_id' is null then 'all' else 'topic:' || message.topic end as scope
    from event.suppression
    inner join source.customer on suppression.address = customer.address
    inner join journey.enrollment on customer.customer_id = enrollment.customer_id
    inner join event.engagement on enrollment.enrollment_id = engagement.enrollment_id
    inner join message.message
        on engagement.enrollment_id = message.enrollment_id and engagement.step = message.step
    inner join event.event on engagement.message_id = event.message_id and suppression.address = event.address
    where
        suppression.scope = 'all'
        and suppression.reason = 'dropped'
        and suppression.source = 'dropped'
        and suppression.lifted_at is null
        and engagement.dropped_at is not null
        and event.event = 'dropped'
        and btrim(lower(event.raw ->> 'reason')) in (
            'unsubscribed address',
            'bounced address',
            'spam reporting address',
            'invalid',
            'invalid address',
            'invalid email address'
        )
),

explained as (
    select told.address
    from told
    group by told.address
    having
        bool_and(told.has_left)
        and min(told.occurred_at) = min(told.suppressed_at)
        and max(told.occurred_at) = max(coalesce(told.last_suppressed_at, told.suppressed_at))
)

select
    told.address,
    told.scope,
    min(told.occurred_at) as suppressed_at,
    max(told.occurred_at) as last_suppressed_at,
    max(told.batch_id) as batch_id
from told
inner join explained on told.address = explained.address
group by told.address, told.scope;

delete from event.suppression
using former_drop
where
    suppression.address = former_drop.address
    and suppression.scope = 'all'
    and suppression.reason = 'dropped';

insert into event.suppression as known (
    address, scope, reason, suppressed_at, source, last_suppressed_at, batch_id
)
select
    former_drop.address,
    former_drop.scope,
    'unsubscribed' as reason,
    former_drop.suppressed_at,
    'dropped' as source,
    former_drop.last_suppressed_at,
    former_drop.batch_id
from former_drop
on conflict on constraint suppression_pkey do update
    set
        suppressed_at = least(known.suppressed_at, excluded.suppressed_at),
        source = case
            when excluded.suppressed_at < known.suppressed_at then excluded.source
            else known.source
        end,
        last_suppressed_at = greatest(known.last_suppressed_at, known.suppressed_at, excluded.last_suppressed_at),
        lifted_at = case when known.lifted_at > excluded.last_suppressed_at then known.lifted_at end;

-- Who came back to the topic later than all of it is mailed again.
update event.suppression
set lifted_at = resubscription.resubscribed_at
from former_drop
inner join event.resubscription
    on former_drop.address = resubscription.address and former_drop.scope = resubscription.scope
where
    suppression.address = former_drop.address
    and suppression.scope = former_drop.scope
    and suppression.reason = 'unsubscribed'
    and suppression.lifted_at is null
    and resubscription.resubscribed_at > suppression.last_suppressed_at;
