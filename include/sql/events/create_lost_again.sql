-- The events without our ids that waited for the mails under way to their mailboxes; gone with the transaction.
-- grain: one row per event
create temporary table event_lost on commit drop as
select unmatched.*
from event.unmatched
