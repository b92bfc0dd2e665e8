-- fact: reviewed
-- what: a review that the customer wrote
-- says: reviewed {}
-- counts: review, reviews
-- filters: product_id, product_type, category, rating
-- history: facts
-- changes: reviews, products
-- grain: customer_id, fact_id
-- look-back: all reviews up to as_of
select
    r.customer_id,
    r.review_id as fact_id,
    r.reviewed_at as at,
    r.product_id,
    r.rating
from source.review as r
where r.reviewed_at <= cast(:as_of as timestamptz)
