-- attribute: average_rating
-- what: the rating that the customer gives on average, on the shop's scale. Who wrote no review has none
-- says: rates {} on average
-- type: number
-- formula: mean of all ratings, rounded to two decimals
-- history: facts
-- changes: reviews
-- grain: customer_id
-- look-back: all reviews up to as_of
select
    r.customer_id,
    round(avg(r.rating), 2) as value
from source.review as r
where r.reviewed_at <= cast(:as_of as timestamptz)
group by r.customer_id
