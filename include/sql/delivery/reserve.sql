-- Take a place in each recipient's day (or week). Two workers race for it: the unique key lets one win.
-- outcome: 'capped' (in a zone of the mailbox the period is full; `room_at` is when it is over), 'raced' (another claim
-- took this place: try again later).
-- grain: one row per mail that got no place
-- addresses text[] in lower case, zones text[] of who has the mailbox, enrollment_ids bigint[] side by side; step text
-- they share; now timestamptz; period 'day' or 'week'; cap mails, 1 or more (null = counted, never refused)
-- look-back: the reservations of the period and its neighbours
-- A place is a number in the day of UTC (or its week), whatever the zones: claims of one mailbox at one time meet in
-- it, also if a feed changes a zone between them. In the first quarter of an hour of a day the day before is taken too,
-- as the other claim may have begun in it.
-- Places are taken in the order of addresses everywhere: two claims would else wait for each other. Each look-up is
-- next to the one before it.
with turn as (
    select distinct cast(date_trunc(cast(:period as text), at.moment at time zone 'UTC') as date) as starts_on
    from (
        values (cast(:now as timestamptz)), (cast(:now as timestamptz) - interval '15 minutes')
    ) as at (moment)
),

wanted as (
    select
        cast(md5(mail.address) as uuid) as address_key,
        mail.zones,
        mail.enrollment_id
    from
        unnest(
            cast(:addresses as text[]),
            cast(:zones as text[]),
            cast(:enrollment_ids as bigint[])
        ) as mail (address, zones, enrollment_id)
    order by address_key
),

held as (
    select
        wanted.*,
        near.days,
        near.numbers,
        -- What counts is how many mails hold a place, of whatever topic: another cap, or none, may have let them go
        -- beyond this one.
        case
            when near.numbers is not null
                then delivery.room_at(
                    cast(:now as timestamptz), cast(:period as text), cast(:cap as integer), wanted.zones,
                    near.moments, near.zones, near.mails
                )
        end as room_at
    from wanted
    left join lateral (
        select
            array_agg(cap_reservation.starts_on) as days,
            array_agg(cap_reservation.n) as numbers,
            array_agg(cap_reservation.taken_at) as moments,
            array_agg(cap_reservation.zones) as zones,
            array_agg(cap_reservation.enrollment_id || '/' || cap_reservation.step) as mails
        from delivery.cap_reservation
        where
            cap_reservation.address_key = wanted.address_key
            and cap_reservation.period = cast(:period as text)
            and cap_reservation.starts_on
            between (select min(turn.starts_on) - case cast(:period as text) when 'week' then 14 else 2 end from turn)
            and (select max(turn.starts_on) + case cast(:period as text) when 'week' then 7 else 1 end from turn)
    ) as near on true
),

-- The lowest free number of each day: a returned mail may have left one open below others.
taken as (
    insert into delivery.cap_reservation (address_key, period, starts_on, n, enrollment_id, step, taken_at, zones)
    select
        held.address_key,
        cast(:period as text) as period,
        turn.starts_on,
        case
            when held.numbers is null then 1
            else (
                select min(free.n)
                from generate_series(1, cardinality(held.numbers) + 1) as free (n)
                where (turn.starts_on, free.n) not in (
                    select
                        used.starts_on,
                        used.n
                    from unnest(held.days, held.numbers) as used (starts_on, n)
                )
            )
        end as n,
        held.enrollment_id,
        cast(:step as text) as step,
        cast(:now as timestamptz) as taken_at,
        held.zones
    from held
    cross join turn
    where held.room_at is null
    order by held.address_key, turn.starts_on
    on conflict do nothing
    returning cap_reservation.enrollment_id
),

placed as (
    select taken.enrollment_id
    from taken
    group by taken.enrollment_id
    having count(*) = (select count(*) from turn)
)

select
    held.enrollment_id,
    cast(:step as text) as step,
    case when held.room_at is null then 'raced' else 'capped' end as outcome,
    held.room_at
from held
where held.enrollment_id not in (select placed.enrollment_id from placed)
