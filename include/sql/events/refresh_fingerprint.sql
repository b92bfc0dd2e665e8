-- Record the new fingerprint of a file that we rewrote in place. It is still the file that was read.
-- grain: one row per file
-- source_name text; size_bytes bigint; fingerprint text
update event.file
set
    size_bytes = cast(:size_bytes as bigint),
    fingerprint = cast(:fingerprint as text)
where source_name = cast(:source_name as text)
