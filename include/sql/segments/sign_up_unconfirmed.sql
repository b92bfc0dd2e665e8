-- segment: sign_up_unconfirmed
-- what: customers who signed up in the last max_age_days and have neither confirmed nor withdrawn since. Who left and
--   signs up again is a member again. Whether the mailbox may be asked is the decision's business.
-- grain: customer_id, occurrence (time of the sign-up)
-- parameter: max_age_days: integer, days of 24 hours, default 3, 1 to 30, time since the sign-up at most
-- look-back: the whole consent log up to as_of
-- context: signed_up_at
with signed_up as (
    select
        p.customer_id,
        max(p.permission_at) as signed_up_at
    from source.permission_change as p
    where p.permission = 'pending' and p.permission_at <= cast(:as_of as timestamptz)
    group by p.customer_id
)

select
    s.customer_id,
    at.text as occurrence,
    s.signed_up_at as occurred_at,
    jsonb_build_object('signed_up_at', at.text) as context
from signed_up as s
inner join source.customer as c on s.customer_id = c.customer_id
cross join
    lateral (
        select
            replace(
                to_char(s.signed_up_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
            ) as text
    ) as at
where
    c.erased_at is null
    and s.signed_up_at > cast(:as_of as timestamptz) - cast(:max_age_days as integer) * interval '24 hours'
    and not exists (
        select 1
        from source.permission_change as said
        where
            said.customer_id = s.customer_id
            and said.permission_at <= cast(:as_of as timestamptz)
            and (
                (said.permission in ('confirmed', 'withdrawn') and said.permission_at >= s.signed_up_at)
                or (said.permission = 'none' and said.permission_at > s.signed_up_at)
            )
    )
