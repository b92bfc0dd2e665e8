-- What: end the rest of a customer who said themselves, later than it began, what they permit.
-- Grain: one row, or none.
-- Parameters: customer_id text; permission text; permission_at timestamptz. Look-back: none.
update source.permission_rest
set resumed_at = cast(:permission_at as timestamptz)
where
    permission_rest.customer_id = cast(:customer_id as text)
    and permission_rest.resumed_at is null
    and permission_rest.rested_at < cast(:permission_at as timestamptz)
    and cast(:permission as text) <> 'withdrawn'
