-- How far each export file was read.
-- grain: one row per file
select
    source_name,
    read_bytes,
    read_lines,
    size_bytes,
    fingerprint,
    is_finished
from event.file
