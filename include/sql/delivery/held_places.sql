-- The places that mails of these mailboxes hold around now.
-- Run it after delivery/probe_plans in the same transaction.
-- grain: one row per mailbox and mail
-- addresses text[] in lower case; now timestamptz
-- look-back: three weeks
select distinct
    mailbox.address,
    cap_reservation.enrollment_id,
    cap_reservation.step,
    cap_reservation.taken_at,
    cap_reservation.zones
from unnest(cast(:addresses as text[])) as mailbox (address)
inner join delivery.cap_reservation
    on
        cap_reservation.address_key = cast(md5(mailbox.address) as uuid)
        and cap_reservation.starts_on > cast(cast(:now as timestamptz) at time zone 'UTC' as date) - 21
