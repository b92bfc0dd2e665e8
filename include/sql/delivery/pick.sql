-- Lock up to `batch` planned mails of one shell, and judge each as of now: everything that was decided is asked again.
-- verdict is null for a mail that may go; 'postpone' where the recipient's hours are over until `opens_at`.
-- grain: one row a mail
-- shell_id bigint; batch mails; now timestamptz; topic text; is_marketing boolean; permissions text[];
-- window_opens, window_closes, quiet_begins, quiet_ends local times
-- look-back: facts since the enrollment (journey.exit_fact)
with picked as materialized (
    select
        message.enrollment_id,
        message.step,
        message.message_id,
        message.customer_id,
        message.expires_at
    from message.message
    where
        message.shell_id = cast(:shell_id as bigint)
        and message.state = 'planned'
        and message.not_before <= cast(:now as timestamptz)
    limit cast(:batch as integer)
    for update skip locked
),

known as (
    select
        picked.*,
        enrollment.context,
        enrollment.ended_at,
        enrollment.end_reason,
        customer.email,
        customer.address,
        customer.first_name,
        customer.last_name,
        customer.country,
        customer.permission,
        customer.erased_at,
        coalesce(customer.timezone, 'UTC') as zone,
        decision.first_permitted(
            cast(:now as timestamptz),
            coalesce(customer.timezone, 'UTC'),
            cast(:window_opens as time),
            cast(:window_closes as time),
            cast(:quiet_begins as time),
            cast(:quiet_ends as time)
        ) as opens_at
    from picked
    inner join journey.enrollment on picked.enrollment_id = enrollment.enrollment_id
    left join source.customer on picked.customer_id = customer.customer_id
),

blocked as (
    select distinct suppression.customer_id
    from event.suppressed_customer as suppression
    where
        suppression.customer_id in (select known.customer_id from known)
        and suppression.scope in ('all', 'topic:' || cast(:topic as text))
        and (cast(:is_marketing as boolean) or suppression.reason <> 'unsubscribed')
),

left_series as (
    select distinct on (known.enrollment_id)
        known.enrollment_id,
        exit_fact.fact
    from known
    inner join lateral (
        select
            fact_of.fact,
            fact_of.exited_at
        from journey.exit_fact as fact_of
        where fact_of.enrollment_id = known.enrollment_id
    ) as exit_fact on exit_fact.exited_at <= cast(:now as timestamptz)
    order by known.enrollment_id asc, exit_fact.exited_at asc
)

select
    known.enrollment_id,
    known.step,
    known.message_id,
    known.customer_id,
    known.expires_at,
    known.context,
    known.email,
    known.address,
    known.first_name,
    known.last_name,
    known.country,
    known.zone,
    known.opens_at,
    cast(cast(:now as timestamptz) at time zone known.zone as date) as local_day,
    cast(known.opens_at at time zone known.zone as date) as opens_day,
    case
        when known.expires_at < cast(:now as timestamptz) then 'stale'
        when known.ended_at is not null then known.end_reason
        when known.erased_at is not null then 'erased'
        when known.address is null then 'unknown_customer'
        when left_series.fact is not null then left_series.fact
        when not known.permission = any(cast(:permissions as text[])) then 'no_permission'
        when blocked.customer_id is not null then 'suppressed'
        when known.opens_at > known.expires_at then 'stale'
        when known.opens_at > cast(:now as timestamptz) then 'postpone'
    end as verdict
from known
left join left_series on known.enrollment_id = left_series.enrollment_id
left join blocked on known.customer_id = blocked.customer_id
order by known.enrollment_id
