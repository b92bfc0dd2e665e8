-- The codes that mails of one step show, with their ends.
-- grain: one row per series
-- enrollment_ids bigint[]; step text: the step that gave the code
-- look-back: the series
select
    offer_code.enrollment_id,
    offer_code.code,
    offer_code.valid_until
from message.offer_code
where
    offer_code.enrollment_id = any(cast(:enrollment_ids as bigint[]))
    and offer_code.step = cast(:step as text)
