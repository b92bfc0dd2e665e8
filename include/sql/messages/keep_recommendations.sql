-- Keep what the mails of a claim recommend; what an earlier claim of them chose is forgotten before
-- (messages/forget_recommendations).
-- grain: one row per mail and place
-- step text; rows jsonb: [{enrollment_id, place, product_id, why}]
-- look-back: none
insert into message.recommendation (enrollment_id, step, place, product_id, why)
select
    chosen.enrollment_id,
    cast(:step as text) as step,
    chosen.place,
    chosen.product_id,
    chosen.why
from jsonb_to_recordset(cast(:rows as jsonb))
    as chosen (enrollment_id bigint, place integer, product_id text, why text)
