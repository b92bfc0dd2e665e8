-- Note that the shop was told about these codes, in the transaction that wrote the file.
-- grain: one row per code told
-- now timestamptz
-- look-back: offer_due
update message.offer_code
set
    is_told = true,
    exported_at = case
        when offer_code.withdrawn_at is null or offer_code.exported_at is not null then cast(:now as timestamptz)
    end
from offer_due
where offer_due.enrollment_id = offer_code.enrollment_id and offer_due.step = offer_code.step
