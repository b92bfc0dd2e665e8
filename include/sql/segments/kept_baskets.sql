-- How many baskets are counted, as the refresh keeps them.
-- grain: one row
-- look-back: that of the refresh
select count(*) as baskets from segment.basket
