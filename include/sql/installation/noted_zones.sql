-- What the zones of countries were made from, the default zone, and which year it is.
-- grain: one row; basis and default_zone are null before they are noted
-- look-back: none
select
    (select fact.value from installation.fact where fact.name = 'country_zones') as basis,
    (select fact.value #>> '{}' from installation.fact where fact.name = 'default_zone') as default_zone,
    cast(extract(year from now() at time zone 'UTC') as integer) as year
