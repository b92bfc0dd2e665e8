-- Whether a campaign was ever published, which means planned or approved at least once.
-- grain: one row
-- campaign text
-- look-back: none
select exists(
    select 1
    from journey.campaign
    where campaign.campaign = cast(:campaign as text)
) as is_published
