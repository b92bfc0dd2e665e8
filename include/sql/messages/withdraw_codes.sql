-- Withdraw the codes of mails that ended without being sent, and restore one whose mail turned out to be sent. The next
-- export tells the shop. Codes that have ended need no word.
-- grain: one row per code that changes
-- now timestamptz
-- look-back: codes whose end lies ahead
update message.offer_code
set
    withdrawn_at = case when message.state in ('cancelled', 'rejected') then cast(:now as timestamptz) end,
    is_told = false
from message.message
where
    message.enrollment_id = offer_code.enrollment_id
    and message.step = offer_code.step
    and offer_code.valid_until > cast(:now as timestamptz)
    and (
        (offer_code.withdrawn_at is null and message.state in ('cancelled', 'rejected'))
        or (offer_code.withdrawn_at is not null and message.state = 'accepted')
    )
