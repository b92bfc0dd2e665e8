-- How many codes the next file tells.
-- grain: one row
-- look-back: offer_told
select count(*) from offer_told
