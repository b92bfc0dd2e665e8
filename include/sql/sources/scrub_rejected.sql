-- What: empty the texts set aside that show an erased person: rows of their customer keys, rows that hold the
-- address, and rows whose customer could not be read but that hold a key as a word. The checksum stays, so
-- that the same row in the same file adds nothing later.
-- Grain: one row a text emptied.
-- Parameters: customer_ids text[]; address text, lower case. Look-back: everything set aside.
update source.rejected
set row_text = null
where
    row_text is not null
    and (
        customer_id = any(cast(:customer_ids as text[]))
        or strpos(lower(row_text), cast(:address as text)) > 0
        or (
            customer_id is null
            and regexp_split_to_array(row_text, '[\s,;"''{}:]+') && cast(:customer_ids as text[])
        )
    )
