-- List hygiene, step 1: people of whom it is time for a sunset. The last series of a campaign that asks for it ended as
-- it says; so many days ago the last mail of the series was delivered; and since the series began there is no sign of
-- life of anyone at the mailbox: no order, page view, open, click or answer of a person, nor a click that may be one.
-- Held-out people are never among them, nor people whose last mail did not arrive.
-- The words are said as those of an ingest are, from event_said (log_words, fold_suppression). The table is dropped
-- before the transaction ends.
-- grain: one row per customer
-- now timestamptz
-- look-back: ended series of such campaigns
create temporary table event_said on commit drop as
with rule as (
    select
        campaign.campaign,
        ending.key as ending,
        cast(action.value -> 'sunset' ->> 'days' as double precision) as days
    from journey.campaign
    cross join jsonb_each(campaign.definition -> 'on_end') as ending
    cross join jsonb_array_elements(ending.value) as action
    where action.value ? 'sunset'
),

ended as (
    select
        enrollment.enrollment_id,
        enrollment.campaign,
        enrollment.customer_id,
        enrollment.enrolled_at,
        rule.days
    from rule
    inner join journey.enrollment on rule.campaign = enrollment.campaign
    where
        enrollment.ended_at <= cast(:now as timestamptz)
        and (rule.ending = 'any' or rule.ending = enrollment.end_reason)
        and not enrollment.is_holdout
        and not exists (
            select 1
            from journey.enrollment as later
            where
                later.campaign = enrollment.campaign
                and later.customer_id = enrollment.customer_id
                and later.enrolled_at > enrollment.enrolled_at
        )
),

arrived as (
    select
        ended.enrollment_id,
        ended.campaign,
        ended.customer_id,
        ended.enrolled_at
    from ended
    cross join
        lateral (
            select engagement.last_delivered_at
            from message.message
            left join event.engagement
                on message.enrollment_id = engagement.enrollment_id and message.step = engagement.step
            where message.enrollment_id = ended.enrollment_id and message.state = 'accepted'
            order by message.accepted_at desc
            limit 1
        ) as last_mail
    where last_mail.last_delivered_at + ended.days * interval '24 hours' <= cast(:now as timestamptz)
)

select distinct on (customer.customer_id)
    customer.address,
    'all' as scope,
    'no' as kind,
    'sunset' as reason,
    customer.customer_id,
    cast(:now as timestamptz) as said_at,
    'list_hygiene' as source
from arrived
inner join source.customer on arrived.customer_id = customer.customer_id
where
    customer.erased_at is null
    and customer.permission = 'confirmed'
    and (customer.permission_at is null or customer.permission_at <= arrived.enrolled_at)
    and not exists (
        select 1
        from event.binding_word
        where binding_word.customer_id = customer.customer_id and binding_word.scope = 'all'
    )
    and not exists (
        select 1
        from source.customer as holder
        where
            holder.address = customer.address
            and holder.erased_at is null
            and (
                segment.last_activity_at(holder.customer_id, cast(:now as timestamptz)) > arrived.enrolled_at
                or exists (
                    select 1
                    from event.engagement
                    where
                        engagement.customer_id = holder.customer_id
                        and greatest(engagement.last_doubtful_click_at, engagement.last_unsure_click_at)
                        > arrived.enrolled_at
                )
                or exists (
                    select 1
                    from event.survey_answer
                    where
                        survey_answer.customer_id = holder.customer_id
                        and survey_answer.answered_at > arrived.enrolled_at
                )
            )
    )
order by customer.customer_id asc, arrived.enrolled_at desc
