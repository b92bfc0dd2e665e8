-- Names of campaigns: a name means one campaign for ever. Holdout and variants are dealt by the first one.
create table installation.campaign (
    campaign text primary key,
    first_name text not null,
    became text references installation.campaign (campaign),
    retired_at timestamptz,
    retired_because text,
    noted_at timestamptz not null default now()
);

comment on table installation.campaign is
'Names of campaigns that were renamed or retired, one row per name they have or had.';
comment on column installation.campaign.campaign is 'Name in include/campaigns/<name>.yaml, now or before.';
comment on column installation.campaign.first_name is
'What the campaign was called first: holdout and variants are dealt by it.';
comment on column installation.campaign.became is 'What the campaign is called now; null = just this.';
comment on column installation.campaign.retired_at is 'When it was retired; null = it was not.';
comment on column installation.campaign.retired_because is 'Why, as the operator said.';
comment on column installation.campaign.noted_at is 'When this was last written.';
