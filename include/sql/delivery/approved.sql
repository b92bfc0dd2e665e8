-- Whether exactly this definition was approved and the approval is still in force.
-- grain: one row
-- definition_md5 text
-- look-back: none
select exists(
    select 1
    from delivery.approval
    where
        approval.definition_md5 = cast(:definition_md5 as text)
        and approval.revoked_at is null
) as approved
