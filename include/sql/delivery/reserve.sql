-- Take a place in each recipient's day (or week). Two workers race for it: the unique key lets one win.
-- outcome: 'reserved', 'capped' (the period is full), 'raced' (another claim took this place: try again later).
-- grain: one row a mail
-- address_keys uuid[], days date[], enrollment_ids bigint[], steps text[] side by side; period 'day' or 'week';
-- cap mails (null = counted, never refused)
-- look-back: the reservations of that period
with wanted as (
    select
        mail.address_key,
        mail.enrollment_id,
        mail.step,
        case
            when cast(:period as text) = 'week' then cast(date_trunc('week', cast(mail.day as timestamp)) as date)
            else mail.day
        end as starts_on
    from unnest(
        cast(:address_keys as uuid[]),
        cast(:days as date[]),
        cast(:enrollment_ids as bigint[]),
        cast(:steps as text[])
    ) as mail (address_key, day, enrollment_id, step)
),

held as (
    select
        wanted.address_key,
        wanted.starts_on,
        array_agg(cap_reservation.n) as places
    from wanted
    inner join delivery.cap_reservation
        on
            wanted.address_key = cap_reservation.address_key
            and cap_reservation.period = cast(:period as text)
            and wanted.starts_on = cap_reservation.starts_on
    group by wanted.address_key, wanted.starts_on
),

-- The lowest free place: a returned mail may have left one open below others.
counted as (
    select
        wanted.*,
        (
            select min(free.n)
            from
                generate_series(
                    1, coalesce(cast(:cap as integer), coalesce(cardinality(held.places), 0) + 1)
                ) as free (n)
            where held.places is null or not free.n = any(held.places)
        ) as place
    from wanted
    left join held on wanted.address_key = held.address_key and wanted.starts_on = held.starts_on
),

reserved as (
    insert into delivery.cap_reservation (address_key, period, starts_on, n, enrollment_id, step)
    select
        counted.address_key,
        cast(:period as text) as period,
        counted.starts_on,
        counted.place,
        counted.enrollment_id,
        counted.step
    from counted
    where counted.place is not null
    order by counted.address_key
    on conflict do nothing
    returning cap_reservation.enrollment_id, cap_reservation.step
)

select
    counted.enrollment_id,
    counted.step,
    case
        when reserved.enrollment_id is not null then 'reserved'
        when counted.place is null then 'capped'
        else 'raced'
    end as outcome
from counted
left join reserved on counted.enrollment_id = reserved.enrollment_id and counted.step = reserved.step
