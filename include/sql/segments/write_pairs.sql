-- Write the pairs that say something.
-- grain: one row per product and other product
-- pairs: their select (segments/pairs), with its parameters; as_of timestamptz
-- least_orders, least_confidence, least_lift, places as there
-- look-back: that of the counts
insert into segment.product_pair (
    product_id, other_product_id, orders, support, confidence, lift, place, as_of
)
select
    found.product_id,
    found.other_product_id,
    found.orders,
    found.support,
    found.confidence,
    found.lift,
    found.place,
    cast(:as_of as timestamptz) as as_of
from pairs as found
