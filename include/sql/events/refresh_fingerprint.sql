-- A file we rewrote in place is still the file we read: only its fingerprint changes.
-- grain: one row a file
-- source_name text; size_bytes bigint; fingerprint text
update event.file
set
    size_bytes = cast(:size_bytes as bigint),
    fingerprint = cast(:fingerprint as text)
where source_name = cast(:source_name as text)
