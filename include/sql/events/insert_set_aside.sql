-- Store the step's lines that could not be taken in, each once.
-- grain: one row per line and reason
insert into event.rejected (source_name, line, reason, detail, raw, raw_md5)
select
    set_aside.source_name,
    set_aside.line,
    set_aside.reason,
    set_aside.detail,
    set_aside.raw,
    set_aside.raw_md5
from event_set_aside as set_aside
on conflict do nothing
