-- Empty the snapshots of an erased customer. The memberships stay.
-- grain: one row per membership
-- customer_id text
-- look-back: every membership of the customer, by index within each segment
update segment.membership
set context = '{}'
from segment.refresh
where
    membership.segment = refresh.segment
    and membership.customer_id = cast(:customer_id as text)
    and membership.context <> '{}'
