-- A place under a cap keeps the moment and the zones of the mailbox: the day it counts in is another one in each zone.
-- Places taken before keep their numbers: of a mail that has no claim any more, noon of the day counts. Rewrites the
-- reservations of the last four weeks.
alter table delivery.cap_reservation add column taken_at timestamptz, add column zones text;

update delivery.cap_reservation
set
    taken_at = coalesce(
        (
            select message.claimed_at
            from message.message
            where message.enrollment_id = cap_reservation.enrollment_id and message.step = cap_reservation.step
        ),
        cap_reservation.starts_on at time zone 'UTC' + interval '12 hours'
    ),
    zones = coalesce(
        (
            select customer.timezone
            from journey.enrollment
            inner join source.customer on enrollment.customer_id = customer.customer_id
            where enrollment.enrollment_id = cap_reservation.enrollment_id
        ),
        'UTC'
    );

alter table delivery.cap_reservation alter column taken_at set not null, alter column zones set not null;

comment on column delivery.cap_reservation.starts_on is
'Day of UTC, or Monday of its week: claims of one mailbox at one time meet in it. Caps count by taken_at and zones.';
comment on column delivery.cap_reservation.n is 'n-th place of that day or week.';
comment on column delivery.cap_reservation.taken_at is '`now` of the claim that took it.';
comment on column delivery.cap_reservation.zones is
'Zones of the customers who had the mailbox then, with a blank between them.';
