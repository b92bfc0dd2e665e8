-- Everything that happened between us and one customer, in order of time: the answer to "why was I (not) mailed?".
-- grain: one row a happening
-- customer_id text; campaign text (null = all)
-- look-back: everything
select
    happening.happened_at,
    happening.campaign,
    happening.step,
    happening.what,
    happening.why
from (
    select
        enrollment.enrolled_at as happened_at,
        enrollment.campaign,
        null as step,
        'enrolled' as what,
        'occurrence ' || enrollment.occurrence
        || case when enrollment.is_holdout then ', held out' else '' end as why,
        10 as place
    from journey.enrollment
    where enrollment.customer_id = cast(:customer_id as text)
    union all
    select
        enrollment.ended_at as happened_at,
        enrollment.campaign,
        null as step,
        'series ended' as what,
        enrollment.end_reason as why,
        60 as place
    from journey.enrollment
    where enrollment.customer_id = cast(:customer_id as text) and enrollment.ended_at is not null
    union all
    select
        decision.decided_at as happened_at,
        decision.campaign,
        decision.step,
        'decided: ' || decision.outcome as what,
        decision.reason
        || coalesce(' until ' || to_char(decision.until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'), '')
        || case when decision.detail = '{}'::jsonb then '' else ' ' || decision.detail::text end as why,
        20 as place
    from decision.decision
    where
        decision.enrollment_id in (
            select enrollment.enrollment_id
            from journey.enrollment
            where enrollment.customer_id = cast(:customer_id as text)
        )
    union all
    select
        coalesce(message.accepted_at, message.settled_at, message.claimed_at, message.planned_at) as happened_at,
        message.campaign,
        message.step,
        'mail ' || message.state as what,
        coalesce(message.reason, '') as why,
        30 as place
    from journey.enrollment
    inner join message.message on enrollment.enrollment_id = message.enrollment_id
    where enrollment.customer_id = cast(:customer_id as text)
    union all
    select
        fact.happened_at,
        engagement.campaign,
        engagement.step,
        fact.what,
        coalesce(fact.why, '') as why,
        fact.place
    from journey.enrollment
    inner join event.engagement on enrollment.enrollment_id = engagement.enrollment_id
    cross join
        lateral (
            values
            (engagement.delivered_at, 'delivered', null, 42),
            (engagement.deferred_at, 'deferred by the mailbox', engagement.deferred_count::text || ' time(s)', 41),
            (engagement.bounced_hard_at, 'bounced, hard', engagement.reason, 43),
            (engagement.bounced_soft_at, 'bounced, soft', engagement.reason, 43),
            (engagement.dropped_at, 'dropped by the provider', engagement.reason, 43),
            (engagement.first_open_at, 'opened', null, 45),
            (engagement.first_machine_open_at, 'opened by a machine', null, 44),
            (engagement.first_click_at, 'clicked', null, 46),
            (engagement.unsubscribed_at, 'unsubscribed', null, 47),
            (engagement.complained_at, 'complained', null, 48)
        ) as fact (happened_at, what, why, place)
    where enrollment.customer_id = cast(:customer_id as text) and fact.happened_at is not null
    union all
    select
        suppression.suppressed_at as happened_at,
        null as campaign,
        null as step,
        'suppressed: ' || suppression.scope as what,
        suppression.reason || coalesce(', lifted ' || suppression.lifted_at::text, '') as why,
        50 as place
    from event.suppression
    inner join source.customer on suppression.address = customer.address
    where customer.customer_id = cast(:customer_id as text)
    union all
    select
        permission_change.permission_at as happened_at,
        null as campaign,
        null as step,
        'permission ' || permission_change.permission as what,
        permission_change.origin as why,
        0 as place
    from source.permission_change
    where permission_change.customer_id = cast(:customer_id as text)
    union all
    select
        fact.happened_at,
        null as campaign,
        null as step,
        fact.what,
        fact.why,
        1 as place
    from source.permission_rest
    cross join
        lateral (
            values
            (
                permission_rest.rested_at,
                'mailing rests',
                'the feed''s word about permission cannot be read: ' || permission_rest.file
                || coalesce(' line ' || permission_rest.line::text, '')
            ),
            (permission_rest.resumed_at, 'mailing goes on', 'the feed''s word about permission can be read again')
        ) as fact (happened_at, what, why)
    where permission_rest.customer_id = cast(:customer_id as text) and fact.happened_at is not null
) as happening
where
    cast(:campaign as text) is null
    or happening.campaign is null
    or happening.campaign = cast(:campaign as text)
order by
    date_trunc('second', happening.happened_at), happening.place, happening.campaign, happening.step, happening.what
