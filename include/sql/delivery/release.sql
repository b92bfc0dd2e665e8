-- Give back the places of mails that surely did not go.
-- grain: one row a reservation
-- enrollment_ids bigint[], steps text[] side by side
-- look-back: none
delete from delivery.cap_reservation
using unnest(cast(:enrollment_ids as bigint[]), cast(:steps as text[])) as mail (enrollment_id, step)
where cap_reservation.enrollment_id = mail.enrollment_id and cap_reservation.step = mail.step
