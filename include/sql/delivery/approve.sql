-- Approve one definition of a campaign if it is the present one. If it is approved already and no other definition was
-- read since, its approval stays as it is.
-- grain: one row: whether it is the present one, and whether the approval is new
-- campaign, definition_md5, approved_by text; now timestamptz
-- look-back: the campaign's definitions and approvals
with present as (
    select
        definition.campaign,
        definition.definition_md5,
        definition.reading
    from message.definition
    where definition.campaign = cast(:campaign as text)
    order by definition.reading desc
    limit 1
),

-- The newest approval in force. A definition that is approved again after a later one is the newest again.
newest as (
    select
        approval.definition_md5,
        approval.reading
    from delivery.approval
    where approval.campaign = cast(:campaign as text) and approval.revoked_at is null
    order by approval.approval_id desc
    limit 1
),

approved as (
    insert into delivery.approval (campaign, definition_md5, reading, approved_at, approved_by)
    select
        present.campaign,
        present.definition_md5,
        present.reading,
        cast(:now as timestamptz) as approved_at,
        cast(:approved_by as text) as approved_by
    from present
    left join newest on true
    where
        present.definition_md5 = cast(:definition_md5 as text)
        and (newest.definition_md5, newest.reading) is distinct from (present.definition_md5, present.reading)
    on conflict do nothing
    returning approval.campaign
)

select
    exists(
        select 1 from present
        where present.definition_md5 = cast(:definition_md5 as text)
    ) as is_present,
    exists(select 1 from approved) as is_new
