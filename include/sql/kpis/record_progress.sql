-- Record how far this roll-up came: events, decisions of each campaign, the moment, and by which goals and credit, zone
-- and currency it counted.
-- grain: one row per watermark
-- reporting_zone text; reporting_currency text, empty = none; as_of timestamptz: `now` of the roll-up
with mark as (
    select
        'events' as name,
        cast(coalesce(max(batch.batch_id), 0) as text) as value
    from event.batch
    union all
    select
        'decisions:' || touched.campaign as name,
        cast(max(touched.decision_id) as text) as value
    from kpi_touched as touched
    where
        touched.decision_id is not null
        -- While the second lane of a run is not committed, decisions with lower numbers are missing. The mark stays, so
        -- that the next roll-up looks at these decisions again.
        and not exists (
            select 1
            from decision.progress as even
            left join decision.progress as odd on even.campaign = odd.campaign and odd.lane = 1
            where
                even.campaign = touched.campaign
                and even.lane = 0
                and even.last_step_due_id > coalesce(odd.last_step_due_id, 0)
        )
    group by touched.campaign
    union all
    select
        'goal:' || campaign.campaign as name,
        concat_ws(
            '|', campaign.goal_event, campaign.goal_within_days, campaign.is_marketing,
            nullif(campaign.credit_model, 'sent'), campaign.credit_within_days
        ) as value
    from journey.campaign
    union all
    select
        'reporting_zone' as name,
        cast(:reporting_zone as text) as value
    union all
    select
        'reporting_currency' as name,
        cast(:reporting_currency as text) as value
    union all
    select
        'as_of' as name,
        to_char(cast(:as_of as timestamptz) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as value
)

insert into kpi.progress as known (name, value, as_of)
select
    mark.name,
    mark.value,
    cast(:as_of as timestamptz) as as_of
from mark
on conflict (name) do update
    set
        value = case
            when known.name like 'decisions:%'
                then cast(greatest(cast(known.value as bigint), cast(excluded.value as bigint)) as text)
            else excluded.value
        end,
        as_of = excluded.as_of
