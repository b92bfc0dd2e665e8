-- Give back the places of mails that certainly did not go. A place is found by every address that the recipient had.
-- Run it after delivery/probe_plans in the same transaction.
-- grain: one row per reservation
-- enrollment_ids bigint[], steps text[] side by side
-- look-back: none
with mail as (
    select
        given.enrollment_id,
        given.step,
        enrollment.customer_id
    from unnest(cast(:enrollment_ids as bigint[]), cast(:steps as text[])) as given (enrollment_id, step)
    inner join journey.enrollment on given.enrollment_id = enrollment.enrollment_id
),

known as (
    select
        mail.enrollment_id,
        mail.step,
        cast(md5(addressed.address) as uuid) as address_key
    from mail
    inner join lateral (
        select customer.address
        from source.customer
        where customer.customer_id = mail.customer_id
        union all
        select former_address.address
        from source.former_address
        where former_address.customer_id = mail.customer_id
    ) as addressed on addressed.address is not null
)

delete from delivery.cap_reservation
using known
where
    cap_reservation.address_key = known.address_key
    and cap_reservation.enrollment_id = known.enrollment_id
    and cap_reservation.step = known.step
