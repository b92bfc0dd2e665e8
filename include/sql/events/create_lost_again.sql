-- The events without our ids that waited for the mails under way to their mailboxes; gone with the transaction.
-- grain: one row per event
create temporary table event_lost on commit drop as
select
    unmatched.sg_event_id,
    unmatched.occurred_at,
    unmatched.fact,
    unmatched.address,
    unmatched.reason,
    unmatched.request_id,
    unmatched.link,
    unmatched.agent,
    unmatched.is_scanner
from event.unmatched
