-- Note that a campaign has another name now, which all its former names lead to.
-- grain: one row per name of the campaign
-- former, present, first_name text; now timestamptz of the database
-- look-back: none
with named as (
    insert into installation.campaign (campaign, first_name)
    values (cast(:present as text), cast(:first_name as text))
    on conflict (campaign) do update
        set
            first_name = excluded.first_name,
            became = null,
            retired_at = null,
            retired_because = null,
            noted_at = now()
    returning campaign.campaign
),

led as (
    update installation.campaign
    set
        became = named.campaign,
        noted_at = now()
    from named
    where
        campaign.became = cast(:former as text)
        and campaign.campaign not in (cast(:former as text), cast(:present as text))
    returning campaign.campaign
)

insert into installation.campaign (campaign, first_name, became)
select
    cast(:former as text) as campaign,
    cast(:first_name as text) as first_name,
    named.campaign as became
from named
on conflict (campaign) do update set
    became = excluded.became,
    retired_at = null,
    retired_because = null,
    noted_at = now()
