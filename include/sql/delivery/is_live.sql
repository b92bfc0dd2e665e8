-- Whether this database delivers in live mode. Its first delivery records the mode.
-- grain: one row
-- look-back: none
select exists(
    select 1
    from installation.fact
    where fact.name = 'delivery_mode' and fact.value = '"live"'::jsonb
) as is_live
