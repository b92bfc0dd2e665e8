-- Approve the published definition of a campaign.
-- grain: one row a (campaign, definition)
-- campaign, approved_by text; now timestamptz
-- look-back: none
insert into delivery.approval (campaign, definition_md5, approved_at, approved_by)
select
    campaign.campaign,
    campaign.definition_md5,
    cast(:now as timestamptz) as approved_at,
    cast(:approved_by as text) as approved_by
from journey.campaign
where campaign.campaign = cast(:campaign as text)
on conflict do nothing
