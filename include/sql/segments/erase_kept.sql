-- Forget an erased customer's kept values.
-- grain: one row per attribute
-- customer_id text
-- look-back: all kept values
delete from segment.kept_value
where kept_value.customer_id = cast(:customer_id as text)
