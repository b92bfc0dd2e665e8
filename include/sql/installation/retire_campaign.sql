-- Note that a campaign was retired.
-- grain: one row per campaign
-- campaign, because text; now timestamptz
-- look-back: none
insert into installation.campaign (campaign, first_name, retired_at, retired_because)
values (
    cast(:campaign as text), cast(:campaign as text), cast(:now as timestamptz), cast(:because as text)
)
on conflict (campaign) do update set
    retired_at = excluded.retired_at,
    retired_because = excluded.retired_because,
    noted_at = now()
