-- Approve one definition of a campaign, if it is the published one.
-- grain: one row: is it the published one, and is the approval new
-- campaign, definition_md5, approved_by text; now timestamptz
-- look-back: none
with published as (
    select
        campaign.campaign,
        campaign.definition_md5
    from journey.campaign
    where
        campaign.campaign = cast(:campaign as text)
        and campaign.definition_md5 = cast(:definition_md5 as text)
),

approved as (
    insert into delivery.approval (campaign, definition_md5, approved_at, approved_by)
    select
        published.campaign,
        published.definition_md5,
        cast(:now as timestamptz) as approved_at,
        cast(:approved_by as text) as approved_by
    from published
    on conflict do nothing
    returning approval.campaign
)

select
    exists(select 1 from published) as is_published,
    exists(select 1 from approved) as is_new
