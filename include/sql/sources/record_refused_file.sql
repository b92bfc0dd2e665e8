-- What: write to source.rejected that a whole file was refused, once, however often it is tried.
-- Grain: one row, without line and text.
-- Parameters: load_id bigint; feed text; file text; reason text; detail text, without values of the file.
-- Look-back: none.
insert into source.rejected (load_id, feed, file, reason, detail, row_md5)
values (
    cast(:load_id as bigint),
    cast(:feed as text),
    cast(:file as text),
    cast(:reason as text),
    cast(:detail as text),
    md5('')
)
on conflict (feed, file, line, reason, row_md5) do nothing
