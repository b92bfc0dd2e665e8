-- Note the zones of each country that this database knows, what they were made from, and the default zone.
-- grain: one row per fact written
-- zones json: country → zones with a blank between; basis json: version and year; default_zone text (null = as it is)
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

insert into installation.fact (name, value)
select
    fact.name,
    fact.value
from (
    values
    ('country_zones', cast(:basis as jsonb)),
    ('default_zone', to_jsonb(cast(:default_zone as text)))
) as fact (name, value)
where fact.value is not null
on conflict (name) do update
    set
        value = excluded.value,
        recorded_at = now()
