-- The audiences that have an address, as each network spells it.
-- grain: segment, network
-- parameters: sha256s text[]: hashes of the address, in hexadecimal
-- look-back: none
with asked as (
    select decode(given.sha256, 'hex') as address_sha256
    from unnest(cast(:sha256s as text[])) as given (sha256)
)

select distinct
    member.segment,
    member.network
from asked
inner join segment.audience_member as member on asked.address_sha256 = member.address_sha256
order by member.segment, member.network
