-- Delete the places of an erased person, because the key of a place is computed from the address.
-- grain: one row per reservation
-- address text, lower case
-- look-back: all
delete from delivery.cap_reservation
where cap_reservation.address_key = cast(md5(cast(:address as text)) as uuid)
