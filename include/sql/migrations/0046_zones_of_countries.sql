-- Customers who tell no zone are mailed by the zones of their country. `migrate` fills the table from the time zone
-- database, and an installation that opens brings it up to date.
create table installation.country_zone (
    country text primary key,
    zones text not null
);

comment on table installation.country_zone is
'Zones of people who tell none, one row per country; from the time zone database that the fact country_zones names.';
comment on column installation.country_zone.country is 'ISO 3166-1 alpha-2.';
comment on column installation.country_zone.zones is
'Its zones that differ within this year or the next, with a blank between them; dates are written by the first.';
comment on column source.customer.timezone is
'IANA zone as the feed says it; null = those of the country, else the default zone (source.recipient).';
