-- condition: rated
-- value: rating
-- what: the customer's newest review by the due moment has a rating of at least, or at most, so much. Of reviews of the
--   same second the lowest rating counts, so that `at_least: 4` and `at_most: 3` never both hold.
-- grain: step_due_id
-- reads: asked
-- look-back: since the enrollment
with newest as (
    select distinct on (asked.step_due_id)
        asked.step_due_id,
        asked.value,
        review.rating
    from asked
    inner join source.review on asked.customer_id = review.customer_id and asked.enrolled_at < review.reviewed_at
    where review.reviewed_at <= asked.due_at
    order by asked.step_due_id asc, review.reviewed_at desc, review.rating asc
)

select newest.step_due_id
from newest
where
    newest.rating >= coalesce(cast(newest.value ->> 'at_least' as numeric), newest.rating)
    and newest.rating <= coalesce(cast(newest.value ->> 'at_most' as numeric), newest.rating)
