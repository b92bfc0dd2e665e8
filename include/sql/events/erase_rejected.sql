-- Remove a person from the lines that were set aside.
-- grain: one row per line
-- address text, lower case; address_json text: the same address as JSON may escape it
update event.rejected
set raw = null
where
    position(cast(:address as text) in lower(rejected.raw)) > 0
    or position(cast(:address_json as text) in lower(rejected.raw)) > 0
