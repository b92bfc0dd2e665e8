-- Forget definitions whose file is gone.
-- grain: one row per file
-- files text[]: the files that are there
delete from installation.definition
where definition.file <> all(cast(:files as text[]))
