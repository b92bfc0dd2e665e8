-- Delete places of old periods, in which no mail can be reserved or given back any more.
-- grain: one row per reservation
-- now timestamptz
-- look-back: more than four weeks
delete from delivery.cap_reservation
where cap_reservation.starts_on < cast(cast(:now as timestamptz) at time zone 'UTC' as date) - 28
