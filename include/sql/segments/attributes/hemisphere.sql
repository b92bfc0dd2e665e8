-- attribute: hemisphere
-- what: the half of the earth on which the customer's country lies. A country on both sides counts where most of its
--   people live: Brazil, Congo (both), Ecuador, Indonesia and Kenya are south; Colombia, Gabon, Kiribati, the Maldives,
--   Somalia and Uganda are north
-- says: hemisphere is {}
-- type: text
-- values: north, south
-- formula: south if the country is in the list of this file; north if it is another country that has a time zone
-- history: today
-- changes: customers
-- grain: customer_id
-- look-back: none; a customer's row is kept in its latest state only
select
    c.customer_id,
    case when south.country is not null then 'south' else 'north' end as value
from source.customer as c
left join
    unnest(
        array[
            'AO', 'AQ', 'AR', 'AS', 'AU', 'BI', 'BO', 'BR', 'BV', 'BW', 'CC', 'CD', 'CG', 'CK', 'CL', 'CX', 'EC', 'FJ',
            'FK', 'GS', 'HM', 'ID', 'IO', 'KE', 'KM', 'LS', 'MG', 'MU', 'MW', 'MZ', 'NA', 'NC', 'NF', 'NR', 'NU', 'NZ',
            'PE', 'PF', 'PG', 'PN', 'PY', 'RE', 'RW', 'SB', 'SC', 'SH', 'SZ', 'TF', 'TK', 'TL', 'TO', 'TV', 'TZ', 'UY',
            'VU', 'WF', 'WS', 'YT', 'ZA', 'ZM', 'ZW'
        ]
    ) as south (country)
    on c.country = south.country
left join installation.country_zone as known on c.country = known.country
where south.country is not null or known.country is not null
