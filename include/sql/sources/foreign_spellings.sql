-- What: addresses with other letters than ASCII in the rows that are set aside. Only Python knows which mailboxes these
-- are.
-- Grain: one row per address, as it is written.
-- Parameters: none. Look-back: all erasures; if no person was erased, nothing is read.
select distinct found.words[1] as said
from refused
cross join lateral regexp_matches(refused.row_text, '[^\s,;"''<>:]+@[^\s,;"''<>]+', 'g') as found (words)
where
    exists (select 1 from source.erased_address)
    and octet_length(found.words[1]) > char_length(found.words[1])
