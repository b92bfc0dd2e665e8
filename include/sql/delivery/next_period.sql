-- The first permitted moment after the recipient's day or week that is full; is_stale if the mail expires before.
-- is_held_by_claim: a mail that is under way at this moment has a place, and may give it back.
-- Run it after delivery/probe_plans in the same transaction.
-- grain: one row per mail
-- enrollment_ids bigint[], steps text[], addresses text[] in lower case, zones text[], moments timestamptz[] (when
-- there is room) side by side; window_opens, window_closes, quiet_begins, quiet_ends local times
-- look-back: three weeks
select
    full_period.enrollment_id,
    full_period.step,
    full_period.opens_at,
    cast(full_period.opens_at at time zone split_part(full_period.zones, ' ', 1) as date) as opens_day,
    coalesce(full_period.opens_at > message.expires_at, true) as is_stale,
    coalesce(full_period.opens_at > message.expires_at, true) and exists (
        select 1
        from delivery.cap_reservation
        inner join message.message as holder
            on cap_reservation.enrollment_id = holder.enrollment_id and cap_reservation.step = holder.step
        where
            cap_reservation.address_key = cast(md5(full_period.address) as uuid)
            and holder.state = 'claimed'
    ) as is_held_by_claim
from (
    select
        mail.enrollment_id,
        mail.step,
        mail.address,
        mail.zones,
        decision.first_permitted(
            mail.moment,
            mail.zones,
            cast(:window_opens as time),
            cast(:window_closes as time),
            cast(:quiet_begins as time),
            cast(:quiet_ends as time)
        ) as opens_at
    from unnest(
        cast(:enrollment_ids as bigint[]),
        cast(:steps as text[]),
        cast(:addresses as text[]),
        cast(:zones as text[]),
        cast(:moments as timestamptz[])
    ) as mail (enrollment_id, step, address, zones, moment)
) as full_period
inner join message.message
    on full_period.enrollment_id = message.enrollment_id and full_period.step = message.step
