-- Pairs learned from the baskets of basket_now alone. The table is dropped with the transaction.
-- grain: product_id, other_product_id
-- pairs: their select (segments/pairs); least_orders, least_confidence, least_lift, places as there
-- look-back: basket_now
create temporary table trained_pair on commit drop as
select found.*  -- noqa: AM04
from pairs as found
