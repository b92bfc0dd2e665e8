-- Forget that the provider holds an address on these lists: it was taken off them. A later opt-out is pushed again.
-- grain: one row per group
-- address text, lower case; groups bigint[]: 0 = the global list
delete from event.provider_suppression
where
    provider_suppression.address = cast(:address as text)
    and provider_suppression.group_id = any(cast(:groups as bigint[]))
