-- Lift the suppressions of an address that are in force, because an operator says so.
-- grain: one row per suppression lifted
-- address text, lower case; reasons text[]: only these (null = all); now timestamptz
update event.suppression
set lifted_at = cast(:now as timestamptz)
where
    suppression.address = cast(:address as text)
    and suppression.lifted_at is null
    and (cast(:reasons as text[]) is null or suppression.reason = any(cast(:reasons as text[])))
returning suppression.scope, suppression.reason
