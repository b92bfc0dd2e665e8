-- What: write one entry to the log of permissions.
-- Grain: one row, or none if the log has the entry.
-- Parameters: customer_id text; permission text; permission_at timestamptz; origin text.
-- Look-back: none.
insert into source.permission_change (customer_id, permission, permission_at, origin)
values (
    cast(:customer_id as text),
    cast(:permission as text),
    cast(:permission_at as timestamptz),
    cast(:origin as text)
)
on conflict (customer_id, permission_at, permission) do nothing
