-- Step 4 of deciding, for a campaign with a cap: which place of its day or week a mail would take.
-- grain: one row per step due whose series runs
-- place: 1 for the first mail of the period, after those that went or are on their way; planned: mails that are planned
-- for it with this priority or a higher one, which the claim may still let go first; higher: those of a higher one
-- campaign text; now timestamptz; cap_mails mails (null = no cap, and no row); cap_period 'day' or 'week'
-- look-back: mails of the period, found by decisions of the last two weeks plus the longest lateness of any campaign
create temporary table places on commit drop as
with mailing as (
    -- Mails are found by their decisions, which are written once. A mail that counts expires in the period or later,
    -- and was decided at most the longest lateness before that. Two weeks cover a week, windows and zones.
    select
        decision.customer_id,
        decision.enrollment_id,
        decision.step,
        decision.expires_at
    from decision.decision
    where
        decision.outcome in ('send', 'defer')
        and decision.decided_at
        > cast(:now as timestamptz)
        - interval '14 days'
        - (
            -- A definition from before this setting had a bound may name any number of hours.
            select least(coalesce(max(cast(campaign.definition ->> 'max_lateness_hours' as double precision)), 0), 1e6)
            from journey.campaign
        ) * interval '1 hour'
),

-- Mails on their way, and planned ones that may go before ours: they can still go in the period, whenever they began to
-- wait.
taken as (
    select
        due.step_due_id,
        count(*) filter (where message.state <> 'planned') as mails,
        count(*) filter (where message.state = 'planned') as planned,
        count(*) filter (where message.state = 'planned' and message.priority > campaign.priority) as higher
    from due
    inner join hours on due.zones = hours.zones and due.due_at = hours.due_at
    inner join journey.campaign on campaign.campaign = cast(:campaign as text)
    inner join mailing as earlier
        on
            due.customer_id = earlier.customer_id
            -- A mail's day is never after the mail expires. The second day covers the difference between zones.
            and earlier.expires_at > cast(hours.cap_from as timestamptz) - interval '2 days'
    inner join message.message
        on
            earlier.enrollment_id = message.enrollment_id
            and earlier.step = message.step
            and hours.cap_from + case cast(:cap_period as text) when 'week' then 6 else 0 end >= message.send_day
            and (
                hours.cap_from <= message.send_day
                or (message.state = 'planned' and hours.sendable_at <= message.expires_at)
            )
    inner join journey.campaign as other on message.campaign = other.campaign and other.is_marketing
    inner join journey.enrollment as owner on message.enrollment_id = owner.enrollment_id
    where
        cast(:cap_mails as integer) is not null
        and due.ended_at is null
        and (
            message.state in ('claimed', 'accepted', 'in_doubt', 'abandoned')
            or (
                message.state = 'planned'
                and (owner.ended_at is null or journey.is_after_end(message.enrollment_id, message.step))
                and message.expires_at > cast(:now as timestamptz)
                and message.priority >= campaign.priority
            )
        )
    group by due.step_due_id
)

-- If one run decides several steps of a series for the same period, each takes the place after the one before it. A
-- step that is stale or whose branch is not taken takes none, and neither does an alert without a mail: these are
-- numbered apart.
select
    due.step_due_id,
    coalesce(taken.mails, 0) + row_number() over (
        partition by
            due.enrollment_id,
            hours.cap_from,
            hours.is_stale or due.is_alert or exists (select 1 from unmet where unmet.step_due_id = due.step_due_id)
        order by due.due_at, due.step_due_id
    ) as place,
    coalesce(taken.planned, 0) as planned,
    coalesce(taken.higher, 0) as higher
from due
inner join hours on due.zones = hours.zones and due.due_at = hours.due_at
left join taken on due.step_due_id = taken.step_due_id
where cast(:cap_mails as integer) is not null and due.ended_at is null
