-- The codes that the next file is about, locked until it is noted: what is new or changed, and what was told since
-- `since`. A code that is given or withdrawn meanwhile waits for the file after it. The table is dropped with the
-- transaction.
-- grain: enrollment_id, step
-- since timestamptz (null = only what is new or changed)
-- look-back: codes to tell
create temporary table offer_due on commit drop as
select
    offer_code.enrollment_id,
    offer_code.step
from message.offer_code
where
    not offer_code.is_told
    or offer_code.exported_at >= cast(:since as timestamptz)
for update
