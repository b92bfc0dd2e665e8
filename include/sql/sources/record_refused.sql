-- What: write the rows and values that are set aside to source.rejected. A row that is there from an earlier load adds
-- nothing. The text of a row that shows an erased person is not stored. A row shows one by its key, or by any address
-- in it that no living customer holds. A row of the customers feed about such a person gets the reason erased,
-- whatever else is wrong with it. If the customer of a row cannot be read, the row counts as that of the customer who
-- holds the address now,
-- but its text is not stored if an erased person had that address too.
-- Grain: one row per refused row of the file, and per loaded row and reason of values that it lacks.
-- Parameters: load_id bigint; feed text; file text, the file's name; link_secret text, the key of the hashes; said,
-- meant text[] side by side: addresses in these rows that have other letters than ASCII, and their mailboxes.
-- Look-back: all erasures.
with judged as (
    select
        refused.line,
        refused.reason,
        refused.detail,
        refused.row_text,
        refused.customer_id,
        refused.is_loaded
        and not exists (
            -- If several rows have one key, the last one is loaded.
            select 1 from refused as whole
            where whole.line = refused.line and not whole.is_loaded
        ) as is_loaded,
        refused.reason = 'erased'
        or exists (
            select 1 from source.customer
            where customer.customer_id = refused.customer_id and customer.erased_at is not null
        )
        or coalesce(shown.is_nobody_s, false) as is_erased,
        coalesce(shown.is_there, false) and refused.customer_id is null as is_unclear
    from refused
    left join lateral (
        select
            true as is_there,
            bool_or(
                not exists (
                    select 1 from source.customer as living
                    where
                        living.erased_at is null
                        and living.customer_id = coalesce(refused.customer_id, living.customer_id)
                        and (
                            living.address = meant.address
                            or (refused.customer_id is not null and living.first_load_id <= gone.load_id)
                        )
                )
            ) as is_nobody_s
        from regexp_matches(refused.row_text, '[^\s,;"''<>:]+@[^\s,;"''<>]+', 'g') as found (words)
        left join unnest(cast(:said as text[]), cast(:meant as text[])) as spelled (said, address)
            on found.words[1] = spelled.said
        cross join lateral (select coalesce(spelled.address, source.mailbox(found.words[1])) as address) as meant
        inner join source.erased_address as gone
            on source.address_hash(meant.address, cast(:link_secret as text)) = gone.address_hash
        where exists (select 1 from source.erased_address)
        having count(*) > 0
    ) as shown on true
),

kept as (
    select
        line,
        customer_id,
        is_loaded,
        case when is_erased and cast(:feed as text) = 'customers' then 'erased' else reason end as reason,
        case
            when is_erased and cast(:feed as text) = 'customers' then 'the person was erased' else detail
        end as detail,
        case when not is_erased and not is_unclear then row_text end as row_text
    from judged
)

insert into source.rejected (load_id, feed, file, line, customer_id, reason, detail, row_text, row_md5, is_loaded)
select
    cast(:load_id as bigint) as load_id,
    cast(:feed as text) as feed,
    cast(:file as text) as file,
    line,
    customer_id,
    reason,
    detail,
    row_text,
    md5(coalesce(row_text, '')) as row_md5,
    is_loaded
from kept
order by line
on conflict (feed, file, line, reason, row_md5) do nothing
