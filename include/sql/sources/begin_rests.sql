-- What: let mailing rest for customers whose last word about permission in this file cannot be read.
-- Grain: one row per customer whose mailing does not rest yet.
-- Parameters: load_id bigint; now timestamptz: the time of the load; file text: the file's name.
-- Look-back: none.
with unread as (
    select
        heard.customer_id,
        max(heard.line) as line
    from heard
    where heard.permission is null
    group by heard.customer_id
)

insert into source.permission_rest (customer_id, rested_at, load_id, file, line)
select
    unread.customer_id,
    cast(:now as timestamptz) as rested_at,
    cast(:load_id as bigint) as load_id,
    cast(:file as text) as file,
    unread.line
from unread
where
    not exists (
        select 1 from staged
        where
            staged.customer_id = unread.customer_id
            and staged.permission is not null
            and staged.line > unread.line
    )
    and not exists (
        select 1 from source.permission_rest as known
        where known.customer_id = unread.customer_id and known.resumed_at is null
    )
on conflict (customer_id, rested_at) do update
    set
        resumed_at = null,
        resumed_load_id = null,
        load_id = excluded.load_id,
        file = excluded.file,
        line = excluded.line
