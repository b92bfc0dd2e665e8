-- exit: review
-- what: the customer wrote a review.
-- grain: one row per review: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the enrollment
select
    series.enrollment_id,
    'review' as reason,
    review.reviewed_at as exited_at
from series
inner join source.review on series.customer_id = review.customer_id and series.enrolled_at < review.reviewed_at
