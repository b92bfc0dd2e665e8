-- What the zones of countries were made from, the default zone, and which year it is.
-- grain: one row; the others are null before zones are noted
-- look-back: none
select
    zone_basis.tzdata_version,
    zone_basis.first_year,
    zone_basis.default_zone,
    cast(extract(year from now() at time zone 'UTC') as integer) as year
from (values (true)) as one (is_one)
left join installation.zone_basis on one.is_one = zone_basis.is_only
