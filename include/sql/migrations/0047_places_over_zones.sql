-- A place under a cap keeps the moment and the zones of the mailbox: the day it counts in is another one in each zone.
-- What unique keys meet in is the day of UTC. Rewrites the reservations of the last four weeks.
alter table delivery.cap_reservation add column taken_at timestamptz, add column zones text;

create temporary table moved_place on commit drop as
select
    place.address_key,
    place.period,
    cast(date_trunc(place.period, place.taken_at at time zone 'UTC') as date) as starts_on,
    cast(row_number() over (
        partition by place.address_key, place.period, date_trunc(place.period, place.taken_at at time zone 'UTC')
        order by place.taken_at, place.starts_on, place.n
    ) as integer) as n,
    place.enrollment_id,
    place.step,
    place.taken_at,
    place.zones
from (
    select
        cap_reservation.address_key,
        cap_reservation.period,
        cap_reservation.starts_on,
        cap_reservation.n,
        cap_reservation.enrollment_id,
        cap_reservation.step,
        coalesce(
            message.claimed_at, cap_reservation.starts_on at time zone 'UTC' + interval '12 hours'
        ) as taken_at,
        coalesce(customer.timezone, 'UTC') as zones
    from delivery.cap_reservation
    left join message.message
        on cap_reservation.enrollment_id = message.enrollment_id and cap_reservation.step = message.step
    left join source.customer on message.customer_id = customer.customer_id
) as place;

truncate delivery.cap_reservation;
alter table delivery.cap_reservation alter column taken_at set not null, alter column zones set not null;
insert into delivery.cap_reservation (address_key, period, starts_on, n, enrollment_id, step, taken_at, zones)
select
    moved_place.address_key,
    moved_place.period,
    moved_place.starts_on,
    moved_place.n,
    moved_place.enrollment_id,
    moved_place.step,
    moved_place.taken_at,
    moved_place.zones
from moved_place;

comment on column delivery.cap_reservation.starts_on is
'Day of UTC, or Monday of its week: claims of one mailbox at one time meet in it. Caps count by taken_at and zones.';
comment on column delivery.cap_reservation.n is 'n-th place of that day or week.';
comment on column delivery.cap_reservation.taken_at is '`now` of the claim that took it.';
comment on column delivery.cap_reservation.zones is
'Zones of the customers who had the mailbox then, with a blank between them.';
