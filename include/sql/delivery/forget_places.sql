-- Forget who took a place in periods that no mail is reserved in, nor given back from, any more.
-- grain: one row a reservation
-- now timestamptz
-- look-back: more than four weeks
delete from delivery.cap_reservation
where cap_reservation.starts_on < cast(cast(:now as timestamptz) at time zone 'UTC' as date) - 28
