-- What: empty the texts set aside that show an erased person: rows with their customer key, rows with an address that
-- was theirs alone, and rows whose customer could not be read but that hold the key as a word, or the whole name. The
-- checksum stays, so that the same row in the same file adds nothing later.
-- Grain: one row per text emptied.
-- Parameters: customer_id text (null = known by address alone); addresses, names text[], lower case.
-- Look-back: everything set aside.
update source.rejected
set row_text = null
where
    row_text is not null
    and (
        customer_id = cast(:customer_id as text)
        or exists (
            select 1 from unnest(cast(:addresses as text[])) as mailbox (address)
            where strpos(lower(rejected.row_text), mailbox.address) > 0
        )
        or (
            customer_id is null
            and regexp_split_to_array(row_text, '[\s,;"''{}:]+') && array[cast(:customer_id as text)]
        )
        or (
            customer_id is null
            and cardinality(cast(:names as text[])) > 1
            and not exists (
                select 1 from unnest(cast(:names as text[])) as said (name)
                where strpos(lower(rejected.row_text), said.name) = 0
            )
            -- Asked only if such a row was found: there is no index by name.
            and not exists (
                select 1 from source.customer as namesake
                where
                    lower(namesake.first_name) = (cast(:names as text[]))[1]
                    and lower(namesake.last_name) = (cast(:names as text[]))[2]
            )
        )
    )
