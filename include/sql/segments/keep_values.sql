-- Keep what an attribute is now: new values, other values, and null for customers who have none any more. Values that
-- are as they were stay untouched, with the moment at which they changed.
-- grain: one row per customer whose value changed
-- attribute text; as_of timestamptz: the moment of the values in fresh_value
-- look-back: all kept values of the attribute
with kept as (
    select
        kept_value.customer_id,
        kept_value.value
    from segment.kept_value
    where kept_value.attribute = cast(:attribute as text)
)

insert into segment.kept_value (attribute, customer_id, value, changed_at)
select
    cast(:attribute as text) as attribute,
    coalesce(fresh_value.customer_id, kept.customer_id) as customer_id,
    fresh_value.value,
    cast(:as_of as timestamptz) as changed_at
from fresh_value
full join kept on fresh_value.customer_id = kept.customer_id
where fresh_value.value is distinct from kept.value
on conflict (attribute, customer_id) do update
    set
        value = excluded.value,
        changed_at = excluded.changed_at
