-- Forget the places of an erased person: the key of one is made of the address.
-- grain: one row a reservation
-- address text, lower case
-- look-back: all
delete from delivery.cap_reservation
where cap_reservation.address_key = cast(md5(cast(:address as text)) as uuid)
