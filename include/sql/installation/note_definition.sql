-- Record that a file was applied.
-- grain: one row per file
-- file text: its place below include/sql; identity text: what it defines; md5 text: checksum of its text
insert into installation.definition as known (file, identity, md5)
values (cast(:file as text), cast(:identity as text), cast(:md5 as text))
on conflict (file) do update
    set
        identity = excluded.identity,
        md5 = excluded.md5,
        applied_at = now()
