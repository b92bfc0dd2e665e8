-- attribute: open_complaint
-- what: the customer's newest review is a bad one. A better review closes the complaint
-- says: the newest review is a complaint
-- type: boolean
-- absent: false
-- formula: the rating of the newest review is 2 or less; of reviews at one instant the worst counts
-- history: facts
-- changes: reviews
-- grain: customer_id
-- look-back: all reviews up to as_of
select
    r.customer_id,
    (array_agg(r.rating order by r.reviewed_at desc, r.rating asc))[1] <= 2 as value
from source.review as r
where r.reviewed_at <= cast(:as_of as timestamptz)
group by r.customer_id
