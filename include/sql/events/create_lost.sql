-- The step's new events without our ids that a mail of ours may be behind; gone with the transaction.
-- grain: one row per event
-- look-back: who holds or held their mailboxes, by index
create temporary table event_lost on commit drop as
select
    staged.sg_event_id,
    staged.occurred_at,
    staged.fact,
    staged.address,
    staged.reason,
    staged.request_id,
    staged.link,
    staged.agent,
    staged.is_scanner
from event_staging as staged
where
    staged.message_id is null
    and staged.address is not null
    and staged.fact <> 'resubscribe'
    and (
        exists (select 1 from source.customer where customer.address = staged.address)
        or exists (select 1 from source.former_address where former_address.address = staged.address)
    )
