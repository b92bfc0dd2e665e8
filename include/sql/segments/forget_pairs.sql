-- Forget the pairs of the refresh before.
-- grain: one row per pair
-- look-back: none
delete from segment.product_pair
