-- How many baskets basket_now has.
-- grain: one row
-- look-back: basket_now
select count(*) as baskets from basket_now
