create schema if not exists installation;
comment on schema installation is
'What belongs to the installation rather than to a stage: facts about it, migrations, upkeep of partitions.';

create table installation.fact (
    name text primary key,
    value jsonb not null,
    recorded_at timestamptz not null default now()
);

comment on table installation.fact is 'Facts about this installation, one row per fact.';
comment on column installation.fact.name is 'What the fact is, e.g. delivery_mode, demo_shift_days.';
comment on column installation.fact.value is 'Its value.';
comment on column installation.fact.recorded_at is 'When it was written.';

-- Months that retention has dropped, and why a month may not go yet.
create table installation.retired_month (
    parent text not null,
    month date not null,
    steps bigint not null,
    dropped_at timestamptz not null,
    primary key (parent, month)
);

comment on table installation.retired_month is
'Months of raw rows that retention has dropped, one row per table and month.';
comment on column installation.retired_month.parent is 'Table the month was part of.';
comment on column installation.retired_month.month is 'First day of the month, UTC.';
comment on column installation.retired_month.steps is
'Steps whose final decision was in the month: kpi.step_outcome must keep as many. 0 for events.';
comment on column installation.retired_month.dropped_at is 'When.';

-- Names of topics. Links in old mails, exports and lists carry the names that topics had then.
create table installation.topic (
    topic text primary key,
    became text references installation.topic (topic),
    is_retired boolean not null default false,
    noted_at timestamptz not null default now(),
    accepts_pending boolean not null default false
);

comment on table installation.topic is
'Names that topics have or had, one row per name: written whenever the topics file says something new.';
comment on column installation.topic.topic is
'Name in include/topics.yaml, in links, and in the scope ''topic:<name>''.';
comment on column installation.topic.became is 'Present name of the topic (renamed_from); null = this one.';
comment on column installation.topic.is_retired is
'The topic has ended: nothing is mailed, and leaving it means leaving all mail.';
comment on column installation.topic.noted_at is 'When the file last said something new about this name.';
comment on column installation.topic.accepts_pending is
'Its mails may ask for a confirmation: people who signed up and have not confirmed get them.';

-- Unsubscribe groups of the SendGrid account, by whose they are. Events and lists name groups by their numbers.
create table installation.topic_group (
    group_id bigint primary key,
    topic text,
    noted_at timestamptz not null default now()
);

comment on table installation.topic_group is
'Unsubscribe groups of SendGrid that are known, one row per group: written whenever the topics file says something '
'new.';
comment on column installation.topic_group.group_id is 'The group''s number at SendGrid.';
comment on column installation.topic_group.topic is
'Topic that has the group, or had it last; null = another application''s group (foreign_groups).';
comment on column installation.topic_group.noted_at is 'When the file last said something new about this group.';

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

create table installation.migration (
    name text primary key,
    md5 text not null,
    applied_at timestamptz not null default now()
);

comment on table installation.migration is 'Migrations applied to this database, one row per file.';
comment on column installation.migration.name is 'File name without its ending.';
comment on column installation.migration.md5 is 'Checksum of the file as it was applied.';
comment on column installation.migration.applied_at is 'When it was applied.';

create table installation.definition (
    file text primary key,
    identity text not null,
    md5 text not null,
    applied_at timestamptz not null default now()
);

comment on table installation.definition is 'Functions and views as they were last applied, one row per file.';
comment on column installation.definition.file is 'Place below include/sql, without its ending.';
comment on column installation.definition.identity is 'The function with its argument types, or the view.';
comment on column installation.definition.md5 is 'Checksum of the file as it was applied.';
comment on column installation.definition.applied_at is 'When it was applied.';

-- Where people are who tell no time zone.
create table installation.zone_basis (
    is_only boolean primary key default true check (is_only),
    tzdata_version text not null,
    first_year integer not null,
    default_zone text not null
);

comment on table installation.zone_basis is 'What the zones of people who tell none are made from: one row.';
comment on column installation.zone_basis.is_only is 'There is one row.';
comment on column installation.zone_basis.tzdata_version is 'Version of the time zone database.';
comment on column installation.zone_basis.first_year is 'Zones that agree through this year and the next are one.';
comment on column installation.zone_basis.default_zone is
'LIFECYCLE_DEFAULT_ZONE of the installation that opened last: of customers without zone and country.';

create table installation.country_zone (
    country text primary key,
    zones text not null
);

comment on table installation.country_zone is
'Zones of people who tell none, one row per country; installation.zone_basis says what they are made from.';
comment on column installation.country_zone.country is 'ISO 3166-1 alpha-2.';
comment on column installation.country_zone.zones is
'Its zones that differ within this year or the next, with a blank between them; dates are written by the first.';
