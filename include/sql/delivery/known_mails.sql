-- What is known of planned mails before they are judged: the series, the recipient, and who else has the mailbox.
-- pick.sql puts these rows in.
-- zones: of the recipient and of the others who have the mailbox (`mates`); may_have_left: only if it is true, a word
-- against mail can bind the recipient
-- grain: one row per mail
-- topic, campaign_topic text; is_marketing boolean; planned_mails: which mails (delivery/lock_planned, name_planned)
-- look-back: none
select
    picked.*,  -- noqa: AM04
    enrollment.campaign,
    enrollment.occurred_at,
    enrollment.enrolled_at,
    enrollment.context,
    enrollment.joined,
    -- A series is completed when its last mail is in doubt. If that mail is planned again, it still goes.
    -- A mail after the end goes because of it.
    case
        when enrollment.ended_at is not null and not ending.is_over then nullif(enrollment.end_reason, 'completed')
    end as end_reason,
    ending.is_over as is_after_end,
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
    -- A worker that began before a topic was renamed asks by the former name. Opt-outs have the present one.
    (select installation.topic_called(cast(:topic as text))) as present_topic,
    (select installation.topic_called(cast(:campaign_topic as text))) as topic,
    -- Only these customers can be suppressed or withdrawn, so the reason is looked up for them alone.
    customer.permission = 'withdrawn'
    or exists (select 1 from event.suppression where suppression.address = customer.address)
    or exists (
        select 1
        from source.permission_change
        where
            permission_change.address = customer.address
            and permission_change.customer_id <> customer.customer_id
            and permission_change.permission = 'withdrawn'
            and permission_change.origin not in ('sunset', 'erasure')
    )
    or exists (
        select 1 from source.former_address where former_address.customer_id = picked.customer_id
    ) as may_have_left
from planned_mails as picked
inner join journey.enrollment on picked.enrollment_id = enrollment.enrollment_id
cross join
    lateral (
        select enrollment.ended_at is not null and journey.is_after_end(picked.enrollment_id, picked.step) as is_over
    ) as ending
left join source.recipient as customer on picked.customer_id = customer.customer_id
left join lateral (
    select
        string_agg(mate.zones, ' ') as zones,
        array_agg(mate.customer_id) as customer_ids
    from source.recipient as mate
    where
        mate.address = customer.address
        and mate.customer_id <> customer.customer_id
        and mate.erased_at is null and cast(:is_marketing as boolean)
) as mates on true
