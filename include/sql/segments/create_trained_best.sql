-- Bestsellers of each category, learned from the baskets of basket_now alone. Dropped with the transaction.
-- grain: kind, name, currency, place
-- best: their select (segments/bestsellers); as_of timestamptz; best_places per kind and name
-- look-back: basket_now
create temporary table trained_best on commit drop as
select found.*  -- noqa: AM04
from best as found
where found.kind = 'category'
