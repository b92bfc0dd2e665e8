-- Take a place in each recipient's day (or week). Two workers race for it: the unique key lets one win.
-- outcome: 'capped' (the period is full), 'raced' (another claim took this place: try again later).
-- grain: one row a mail that got no place
-- addresses text[] in lower case, days date[], enrollment_ids bigint[] side by side; step text they share;
-- period 'day' or 'week';
-- cap mails, 1 or more (null = counted, never refused)
-- look-back: the reservations of that period
-- Places are taken in one order everywhere, the first of each address before any other, by address: two claims would
-- else wait for each other.
with wanted as (
    select
        cast(md5(mail.address) as uuid) as address_key,
        mail.enrollment_id,
        case
            when cast(:period as text) = 'week' then cast(date_trunc('week', cast(mail.day as timestamp)) as date)
            else mail.day
        end as starts_on
    from unnest(
        cast(:addresses as text[]),
        cast(:days as date[]),
        cast(:enrollment_ids as bigint[])
    ) as mail (address, day, enrollment_id)
),

-- Most have no mail in their period yet: the key itself tells who has, and only of those it is asked how many.
firsts as (
    insert into delivery.cap_reservation (address_key, period, starts_on, n, enrollment_id, step)
    select
        wanted.address_key,
        cast(:period as text) as period,
        wanted.starts_on,
        1 as n,
        wanted.enrollment_id,
        cast(:step as text) as step
    from wanted
    order by wanted.address_key
    on conflict do nothing
    returning cap_reservation.enrollment_id
),

-- The lowest free place: a returned mail may have left one open below others.
counted as (
    select
        wanted.*,
        case
            when held.places is null then 1
            else (
                select min(free.n)
                from generate_series(1, coalesce(cast(:cap as integer), cardinality(held.places) + 1)) as free (n)
                where not free.n = any(held.places)
            )
        end as place
    from wanted
    cross join
        lateral (
            select array_agg(cap_reservation.n) as places
            from delivery.cap_reservation
            where
                cap_reservation.address_key = wanted.address_key
                and cap_reservation.period = cast(:period as text)
                and cap_reservation.starts_on = wanted.starts_on
        ) as held
    where wanted.enrollment_id not in (select firsts.enrollment_id from firsts)
),

others as (
    insert into delivery.cap_reservation (address_key, period, starts_on, n, enrollment_id, step)
    select
        counted.address_key,
        cast(:period as text) as period,
        counted.starts_on,
        counted.place,
        counted.enrollment_id,
        cast(:step as text) as step
    from counted
    where counted.place is not null
    order by counted.address_key
    on conflict do nothing
    returning cap_reservation.enrollment_id
)

select
    counted.enrollment_id,
    cast(:step as text) as step,
    case when counted.place is null then 'capped' else 'raced' end as outcome
from counted
left join others on counted.enrollment_id = others.enrollment_id
where others.enrollment_id is null
