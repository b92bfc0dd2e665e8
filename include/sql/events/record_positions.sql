-- Record how far the step read each of its files.
-- grain: one row per file
-- positions jsonb: [{source_name, read_bytes, read_lines, size_bytes, fingerprint, is_finished}]
insert into event.file (source_name, read_bytes, read_lines, size_bytes, fingerprint, is_finished)
select
    position_now.source_name,
    position_now.read_bytes,
    position_now.read_lines,
    position_now.size_bytes,
    position_now.fingerprint,
    position_now.is_finished
from jsonb_populate_recordset(cast(null as event.file), cast(:positions as jsonb)) as position_now
on conflict (source_name) do update
    set
        read_bytes = excluded.read_bytes,
        read_lines = excluded.read_lines,
        size_bytes = excluded.size_bytes,
        fingerprint = excluded.fingerprint,
        is_finished = excluded.is_finished,
        read_at = excluded.read_at
