-- Counted pairs, as pair_now has them.
-- grain: product_id, other_product_id (the key that comes later)
-- look-back: that of pair_now
select
    pair_now.product_id,
    pair_now.other_product_id,
    pair_now.orders
from pair_now
