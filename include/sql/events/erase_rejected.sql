-- Take a person out of the lines that were set aside.
-- grain: one row a line
-- address text, lower case; address_json text: the same as it may be escaped inside JSON
update event.rejected
set raw = null
where
    position(cast(:address as text) in lower(rejected.raw)) > 0
    or position(cast(:address_json as text) in lower(rejected.raw)) > 0
