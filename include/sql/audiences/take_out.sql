-- The network no longer has these addresses after this export.
-- grain: one row per address taken out
-- parameters: segment, network text
-- look-back: none
delete from segment.audience_member as member
where
    member.segment = cast(:segment as text)
    and member.network = cast(:network as text)
    and not exists (
        select 1 from audience_now
        where audience_now.address_sha256 = member.address_sha256
    )
