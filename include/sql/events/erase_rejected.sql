-- Remove a person from the lines that were set aside.
-- grain: one row per line
-- texts text[]: how a line may write the address, lower case
update event.rejected
set raw = null
where
    exists (
        select 1 from unnest(cast(:texts as text[])) as said (name)
        where position(said.name in lower(rejected.raw)) > 0
    )
