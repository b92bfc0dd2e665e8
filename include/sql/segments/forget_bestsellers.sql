-- Forget the bestsellers of the refresh before.
-- grain: one row per kind, name, currency and place
-- look-back: none
delete from segment.bestseller
