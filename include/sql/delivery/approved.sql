-- Whether this very definition of the campaign was approved.
-- grain: one row
-- campaign, definition_md5 text
-- look-back: none
select exists(
    select 1
    from delivery.approval
    where
        approval.campaign = cast(:campaign as text)
        and approval.definition_md5 = cast(:definition_md5 as text)
) as approved
