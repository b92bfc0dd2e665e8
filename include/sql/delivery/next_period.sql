-- The first permitted moment after a day or week of the recipient that is full. is_stale: the mail expires before it.
-- Run it after delivery/probe_plans in the same transaction.
-- grain: one row per mail
-- enrollment_ids bigint[], steps text[], zones text[], days date[] side by side; period 'day' or 'week';
-- window_opens, window_closes, quiet_begins, quiet_ends local times
-- look-back: none
select
    full_period.enrollment_id,
    full_period.step,
    full_period.opens_at,
    cast(full_period.opens_at at time zone full_period.zone as date) as opens_day,
    full_period.opens_at > message.expires_at as is_stale
from (
    select
        mail.enrollment_id,
        mail.step,
        mail.zone,
        decision.first_permitted(
            cast(
                case
                    when cast(:period as text) = 'week'
                        then cast(date_trunc('week', cast(mail.day as timestamp)) as date) + 7
                    else mail.day + 1
                end as timestamp
            ) at time zone mail.zone,
            mail.zone,
            cast(:window_opens as time),
            cast(:window_closes as time),
            cast(:quiet_begins as time),
            cast(:quiet_ends as time)
        ) as opens_at
    from unnest(
        cast(:enrollment_ids as bigint[]),
        cast(:steps as text[]),
        cast(:zones as text[]),
        cast(:days as date[])
    ) as mail (enrollment_id, step, zone, day)
) as full_period
inner join message.message
    on full_period.enrollment_id = message.enrollment_id and full_period.step = message.step
