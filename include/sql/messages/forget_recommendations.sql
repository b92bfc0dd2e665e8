-- Forget what an earlier claim of these mails chose to recommend.
-- grain: one row per mail and place
-- step text; enrollment_ids bigint[]
-- look-back: none
delete from message.recommendation
where
    recommendation.step = cast(:step as text)
    and recommendation.enrollment_id = any(cast(:enrollment_ids as bigint[]))
