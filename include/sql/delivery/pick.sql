-- Judge planned mails of one campaign and topic as of now: what was decided is asked again.
-- verdict: null for a mail that may go; 'postpone' if the recipient's hours are over until `opens_at`; else why not
-- zones: of the recipient and of the others who have the mailbox (`mates`); waits_for: what it was kept for before
-- grain: one row per mail
-- now timestamptz; topic text; is_marketing boolean; permissions text[]; campaign_topic text: the topic in the
-- campaign's definition; window_opens, window_closes, quiet_begins, quiet_ends local times
-- planned_mails: which mails (delivery/lock_planned, delivery/name_planned)
-- exit_words: the words of journeys/exits that end the campaign's series; `series` is what they read, one per mail
-- look-back: facts since the enrollment (journeys/exits)
with picked as materialized (select mail.* from planned_mails as mail),

-- A worker that began before a topic was renamed asks by the former name. Opt-outs are stored under the present name.
called as materialized (
    select
        installation.topic_called(cast(:topic as text)) as topic,
        installation.topic_called(cast(:campaign_topic as text)) as campaign_topic
),

known as materialized (
    select
        picked.*,
        enrollment.campaign,
        enrollment.occurred_at,
        enrollment.enrolled_at,
        enrollment.context,
        enrollment.joined,
        -- A series is completed when its last mail is in doubt. If that mail is planned again, it still goes.
        case when enrollment.ended_at is not null then nullif(enrollment.end_reason, 'completed') end as end_reason,
        customer.email,
        customer.address,
        customer.first_name,
        customer.last_name,
        customer.country,
        customer.permission,
        customer.erased_at is not null as is_erased,
        coalesce(customer.zones, 'UTC') as own_zones,
        coalesce(customer.zones, 'UTC') || coalesce(' ' || mates.zones, '') as zones,
        mates.customer_ids as mates,
        called.topic as present_topic,
        called.campaign_topic as topic,
        -- Only these customers can be suppressed or withdrawn, so the reason is looked up for them alone.
        customer.permission = 'withdrawn'
        or exists (select 1 from event.suppression where suppression.address = customer.address)
        or exists (select 1 from source.former_address as f where f.customer_id = picked.customer_id) as may_have_left
    from picked
    cross join called
    inner join journey.enrollment on picked.enrollment_id = enrollment.enrollment_id
    left join source.recipient as customer on picked.customer_id = customer.customer_id
    left join lateral (
        select
            string_agg(mate.zones, ' ') as zones,
            array_agg(mate.customer_id) as customer_ids
        from source.recipient as mate
        where
            mate.address = customer.address and mate.customer_id <> customer.customer_id
            and mate.erased_at is null and cast(:is_marketing as boolean)
    ) as mates on true
),

opening as materialized (
    select
        zones.own_zones,
        hours.*
    from (select distinct known.own_zones from known) as zones
    cross join decision.opening(
        cast(:now as timestamptz), zones.own_zones, cast(:window_opens as time), cast(:window_closes as time),
        cast(:quiet_begins as time), cast(:quiet_ends as time)
    ) as hours
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
    split_part(known.own_zones, ' ', 1) as zone,
    known.own_zones,
    known.zones,
    known.customer_id,
    known.mates,
    known.not_before,
    known.expires_at,
    known.waits_for,
    known.joined,
    opening.opens_at,
    opening.opens_day,
    coalesce(
        case when known.expires_at < cast(:now as timestamptz) then 'stale' end,
        decision.refusal(
            known.end_reason, known.is_erased, known.address is not null, left_series.reason,
            known.permission = any(cast(:permissions as text[])), blocked.reason is not null,
            rest.address is not null, true, false, coalesce(opening.opens_at > known.expires_at, false)
        ),
        case when opening.is_never then 'no_common_hours' end,
        case when opening.opens_at is not null then 'postpone' end
    ) as verdict
from known
inner join opening on known.own_zones = opening.own_zones
left join event.soft_bounce as rest
    on known.address = rest.address and rest.rests_until > cast(:now as timestamptz) and cast(:is_marketing as boolean)
left join lateral (
    with series as not materialized (select known.* where known.joined = 0)  -- noqa: ST03

    -- The earliest fact, the first by name of one moment. judge_parts.sql judges series of several occurrences.
    select exit_fact.reason
    from exit_words as exit_fact
    where exit_fact.exited_at <= cast(:now as timestamptz)
    order by exit_fact.exited_at, exit_fact.reason
    limit 1
) as left_series on true
left join lateral (
    select suppression.reason
    from event.suppressed_customer as suppression
    where
        known.may_have_left and suppression.customer_id = known.customer_id
        and suppression.scope in ('all', 'topic:' || cast(:topic as text), 'topic:' || known.present_topic)
        and (cast(:is_marketing as boolean) or suppression.reason <> 'unsubscribed')
    limit 1
) as blocked on true
order by known.enrollment_id
