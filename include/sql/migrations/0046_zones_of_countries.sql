-- Customers who tell no zone are mailed by the zones of their country. `migrate` fills the table from the time zone
-- database, and an installation that opens brings it up to date.
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
comment on column source.customer.timezone is
'IANA zone as the feed says it; null = those of the country, else the default zone (source.recipient).';

-- Permitted moments are found in another way (decision.openings). A warehouse of before migration 0025 does not know
-- that these functions came from files.
drop function if exists decision.next_open(timestamptz, text, time, time);
drop function if exists decision.first_instant(timestamp, text, timestamptz);
