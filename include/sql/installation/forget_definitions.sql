-- Delete the records of definitions whose file is gone.
-- grain: one row per file
-- files text[]: the files that exist
delete from installation.definition
where definition.file <> all(cast(:files as text[]))
