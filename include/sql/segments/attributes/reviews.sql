-- attribute: reviews
-- what: how many reviews the customer wrote
-- says: wrote {}
-- type: number
-- unit: reviews
-- absent: 0
-- history: facts
-- changes: reviews
-- grain: customer_id
-- look-back: all reviews up to as_of
select
    r.customer_id,
    count(*) as value
from source.review as r
where r.reviewed_at <= cast(:as_of as timestamptz)
group by r.customer_id
