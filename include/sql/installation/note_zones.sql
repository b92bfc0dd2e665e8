-- Note the zones of each country that this database knows, what they were made from, and the default zone.
-- grain: one row
-- zones json: country → zones with a blank between; tzdata_version text; first_year integer; default_zone text
-- (null = as it is)
-- look-back: none
with stated as (
    select
        said.country,
        string_agg(zone.name, ' ' order by zone.place) as zones
    from json_each_text(cast(:zones as json)) as said (country, zones)
    cross join lateral unnest(string_to_array(said.zones, ' ')) with ordinality as zone (name, place)
    inner join pg_catalog.pg_timezone_names as known on zone.name = known.name
    group by said.country
),

forgotten as (
    delete from installation.country_zone
    where not exists (select 1 from stated where stated.country = country_zone.country)
),

noted as (
    insert into installation.country_zone as known (country, zones)
    select
        stated.country,
        stated.zones
    from stated
    on conflict (country) do update
        set zones = excluded.zones
        where known.zones <> excluded.zones
)

insert into installation.zone_basis as basis (tzdata_version, first_year, default_zone)
values (
    cast(:tzdata_version as text),
    cast(:first_year as integer),
    coalesce(cast(:default_zone as text), 'UTC')
)
on conflict (is_only) do update
    set
        tzdata_version = excluded.tzdata_version,
        first_year = excluded.first_year,
        default_zone = coalesce(cast(:default_zone as text), basis.default_zone)
