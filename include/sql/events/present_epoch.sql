-- The second of the present transaction, since 1970.
-- grain: one row
select cast(floor(extract(epoch from now())) as bigint) as epoch
