-- Take a place in each recipient's day or week. If two workers race for a place, the unique key lets one of them win.
-- outcome: 'capped' = the period is full; 'raced' = another claim took the place, so try again later
-- grain: one row per mail that got no place
-- addresses text[] in lower case, days date[], enrollment_ids bigint[] side by side; step text that they share;
-- period 'day' or 'week';
-- cap mails, 1 or more (null = places are counted, and no mail is refused)
-- look-back: the reservations of that period
-- Every claim takes places in the order of addresses. Otherwise two claims could wait for each other. `wanted` sorts,
-- and the steps after it keep its order row by row. Each look-up then reads an index page next to the one before it.
with wanted as materialized (
    select
        cast(md5(mail.address) as uuid) as address_key,
        mail.enrollment_id,
        case
            when cast(:period as text) = 'week' then cast(date_trunc('week', cast(mail.day as timestamp)) as date)
            else mail.day
        end as starts_on
    from
        unnest(
            cast(:addresses as text[]),
            cast(:days as date[]),
            cast(:enrollment_ids as bigint[])
        ) as mail (address, day, enrollment_id)
    order by address_key
),

held as materialized (
    select
        wanted.*,
        array(
            select cap_reservation.n
            from delivery.cap_reservation
            where
                cap_reservation.address_key = wanted.address_key
                and cap_reservation.period = cast(:period as text)
                and cap_reservation.starts_on = wanted.starts_on
        ) as places
    from wanted
),

-- The lowest free place, because a returned mail may have left one open below others. The number of places held by
-- mails of all topics counts. It may be above this cap, because other topics have other caps or none.
counted as materialized (
    select
        held.*,
        case
            when cardinality(held.places) = 0 then 1
            when cardinality(held.places) < cast(:cap as integer) or cast(:cap as integer) is null
                then (
                    select min(free.n)
                    from generate_series(1, cardinality(held.places) + 1) as free (n)
                    where not free.n = any(held.places)
                )
        end as place
    from held
),

taken as (
    insert into delivery.cap_reservation (address_key, period, starts_on, n, enrollment_id, step)
    select
        counted.address_key,
        cast(:period as text) as period,
        counted.starts_on,
        counted.place as n,
        counted.enrollment_id,
        cast(:step as text) as step
    from counted
    where counted.place is not null
    on conflict do nothing
    returning cap_reservation.enrollment_id
)

select
    counted.enrollment_id,
    cast(:step as text) as step,
    case when counted.place is null then 'capped' else 'raced' end as outcome
from counted
where counted.enrollment_id not in (select taken.enrollment_id from taken)
