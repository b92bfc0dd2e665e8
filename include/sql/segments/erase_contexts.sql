-- Empty the snapshots of an erased customer. The memberships stay.
-- grain: one row per membership
-- customer_id text
-- look-back: every membership of the customer, by index within each segment
with recursive known as (
    select min(membership.segment) as segment
    from segment.membership
    union all
    -- From each name the index leads to the next: there are few names, and many memberships.
    select
        (
            select min(membership.segment) from segment.membership
            where membership.segment > known.segment
        ) as segment
    from known
    where known.segment is not null
)

update segment.membership
set context = '{}'
from known
where
    membership.segment = known.segment
    and membership.customer_id = cast(:customer_id as text)
    and membership.context <> '{}'
