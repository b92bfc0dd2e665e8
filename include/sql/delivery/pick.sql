-- Lock up to `batch` planned mails of one shell, the longest due first, and judge each as of now: everything that was
-- decided is asked again.
-- verdict is null for a mail that may go; 'postpone' where the recipient's hours are over until `opens_at` (null
-- where they are not).
-- grain: one row a mail; columns in the order of claims.PickedMail
-- shell_id bigint; batch mails; now timestamptz; topic text; is_marketing boolean; permissions text[];
-- only_enrollment_id bigint: this mail alone (null = any);
-- exit_on text[]: what the campaign's series end on; campaign_topic text: the topic in its definition;
-- window_opens, window_closes, quiet_begins, quiet_ends local times
-- look-back: facts since the enrollment (journey.exit_facts_of)
-- Every look-up is one index probe a mail, by construction (lateral, offset 0): a plan that reads a whole table for
-- a thousand mails cannot be chosen.
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
        and (cast(:only_enrollment_id as bigint) is null or message.enrollment_id = cast(:only_enrollment_id as bigint))
        and message.not_before <= cast(:now as timestamptz)
    order by message.not_before
    limit cast(:batch as integer)
    for update skip locked
),

known as materialized (
    select
        picked.*,
        enrollment.campaign,
        enrollment.occurred_at,
        enrollment.enrolled_at,
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
        -- Nobody else can be suppressed or have withdrawn: what asks why is asked of these alone.
        coalesce(marked.is_marked, customer.permission = 'withdrawn') as is_marked
    from picked
    inner join lateral (
        select enrollment.*
        from journey.enrollment
        where enrollment.enrollment_id = picked.enrollment_id
        offset 0
    ) as enrollment on true
    left join lateral (
        select customer.*
        from source.customer
        where customer.customer_id = picked.customer_id
        offset 0
    ) as customer on true
    left join lateral (
        select true as is_marked
        from event.suppression
        where suppression.address = customer.address
        union all
        select true as is_marked
        from source.former_address
        where former_address.customer_id = picked.customer_id
        limit 1
    ) as marked on true
),

-- A worker that began before a topic was renamed asks by the former name: opt-outs stand under the present one.
called as materialized (
    select
        installation.topic_called(cast(:topic as text)) as topic,
        installation.topic_called(cast(:campaign_topic as text)) as campaign_topic
),

-- A moment opens for a zone, not for a person: reckoned once for each zone of the batch.
opening as materialized (
    select
        zones.zone,
        cast(cast(cast(:now as timestamptz) at time zone zones.zone as date) as text) as local_day,
        decision.first_permitted(
            cast(:now as timestamptz),
            zones.zone,
            cast(:window_opens as time),
            cast(:window_closes as time),
            cast(:quiet_begins as time),
            cast(:quiet_ends as time)
        ) as opens_at
    from (select distinct known.zone from known) as zones
)

select
    known.enrollment_id,
    known.step,
    cast(known.message_id as text) as message_id,
    cast(known.context as text) as context,
    known.email,
    known.address,
    known.first_name,
    known.last_name,
    known.country,
    known.zone,
    opening.local_day,
    case when opening.opens_at > cast(:now as timestamptz) then opening.opens_at end as opens_at,
    case
        when opening.opens_at > cast(:now as timestamptz)
            then cast(opening.opens_at at time zone known.zone as date)
    end as opens_day,
    case
        when known.expires_at < cast(:now as timestamptz) then 'stale'
        -- A series is through when its last mail is in doubt; planned again, that mail still goes.
        when known.ended_at is not null and known.end_reason <> 'completed' then known.end_reason
        when known.erased_at is not null then 'erased'
        when known.address is null then 'unknown_customer'
        when left_series.fact is not null then left_series.fact
        when not known.permission = any(cast(:permissions as text[])) then 'no_permission'
        when blocked.reason is not null then 'suppressed'
        when opening.opens_at > known.expires_at then 'stale'
        when opening.opens_at > cast(:now as timestamptz) then 'postpone'
    end as verdict
from known
inner join opening on known.zone = opening.zone
cross join called
left join lateral (
    -- The earliest fact, of several at one moment the first by name: the least of these texts, since nearly nobody has
    -- any and a sort of nothing takes longer than its look-ups.
    select
        substr(
            min(to_char(exit_fact.exited_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS') || exit_fact.fact), 21
        ) as fact
    from
        journey.exit_facts_of(
            known.enrollment_id,
            known.campaign,
            known.customer_id,
            known.occurred_at,
            known.enrolled_at,
            known.context,
            cast(:exit_on as text[]),
            called.campaign_topic
        ) as exit_fact
    where
        exit_fact.exits && cast(:exit_on as text[])
        and (known.is_marked or not exit_fact.exits && array['unsubscribed'])
        and exit_fact.exited_at <= cast(:now as timestamptz)
) as left_series on true
left join lateral (
    select suppression.reason
    from event.suppressed_customer as suppression
    where
        known.is_marked
        and suppression.customer_id = known.customer_id
        and suppression.scope in ('all', 'topic:' || cast(:topic as text), 'topic:' || called.topic)
        and (cast(:is_marketing as boolean) or suppression.reason <> 'unsubscribed')
    limit 1
) as blocked on true
order by known.enrollment_id
