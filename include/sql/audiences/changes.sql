-- What the network has to take in and out, against the export before.
-- grain: address_sha256, in hexadecimal; is_added false = it has to be taken out
-- parameters: segment, network text
-- look-back: the audience of the last export
select
    encode(coalesce(audience_now.address_sha256, former.address_sha256), 'hex') as address_sha256,
    former.address_sha256 is null as is_added
from audience_now
full join
    (
        select audience_member.address_sha256
        from segment.audience_member
        where
            audience_member.segment = cast(:segment as text)
            and audience_member.network = cast(:network as text)
    ) as former
    on audience_now.address_sha256 = former.address_sha256
where audience_now.address_sha256 is null or former.address_sha256 is null
order by address_sha256
