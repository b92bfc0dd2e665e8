-- Write what sells best.
-- grain: one row per kind, name, currency and place
-- best: their select (segments/bestsellers); as_of timestamptz; best_places per kind and name
-- look-back: that of the counts
insert into segment.bestseller (kind, name, currency, place, product_id, orders, as_of)
select
    found.kind,
    found.name,
    found.currency,
    found.place,
    found.product_id,
    found.orders,
    cast(:as_of as timestamptz) as as_of
from best as found
