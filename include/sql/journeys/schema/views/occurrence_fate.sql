-- What became of each occurrence that a campaign ever looked at.
create or replace view journey.occurrence_fate as
with known as (
    select
        enrollment.campaign,
        enrollment.customer_id,
        enrollment.occurrence,
        enrollment.occurred_at,
        'enrolled' as fate,
        cast(null as text) as reason,
        enrollment.enrolled_at as decided_at,
        enrollment.enrollment_id,
        cast(null as timestamptz) as ended_at,
        cast(null as text) as end_reason
    from journey.enrollment
    where
        not exists (
            select 1
            from journey.occurrence
            where
                occurrence.customer_id = enrollment.customer_id
                and occurrence.campaign = enrollment.campaign
                and occurrence.occurrence = enrollment.occurrence
        )
    union all
    select
        occurrence.campaign,
        occurrence.customer_id,
        occurrence.occurrence,
        occurrence.occurred_at,
        occurrence.fate,
        occurrence.reason,
        occurrence.decided_at,
        occurrence.enrollment_id,
        occurrence.ended_at,
        occurrence.end_reason
    from journey.occurrence
)

select
    known.campaign,
    known.customer_id,
    known.occurrence,
    known.occurred_at,
    case
        when coalesce(known.end_reason, series.end_reason) = 'superseded' then 'superseded'
        when
            known.fate = 'waiting'
            and not exists (
                select 1
                from journey.campaign
                inner join segment.membership
                    on
                        campaign.segment = membership.segment
                        and membership.customer_id = known.customer_id
                        and membership.occurrence = known.occurrence
                        and membership.left_at is null
                where campaign.campaign = known.campaign
            )
            then 'missed'
        else known.fate
    end as fate,
    known.reason,
    known.decided_at,
    known.enrollment_id,
    coalesce(known.ended_at, series.ended_at) as ended_at,
    coalesce(known.end_reason, series.end_reason) as end_reason
from known
left join journey.enrollment as series on known.enrollment_id = series.enrollment_id;

comment on view journey.occurrence_fate is
'What became of occurrences, one row per campaign, customer and occurrence that the campaign looked at.';
comment on column journey.occurrence_fate.campaign is 'Campaign.';
comment on column journey.occurrence_fate.customer_id is 'Customer.';
comment on column journey.occurrence_fate.occurrence is 'Which time this is, as in segment.membership.';
comment on column journey.occurrence_fate.occurred_at is 'When the occurrence happened.';
comment on column journey.occurrence_fate.fate is
'enrolled: it began a series; joined: it became part of one; taken_over: a running series goes on with its context; '
'superseded: it had a series, and a newer occurrence ended it before a mail went; waiting: it has no series; missed: '
'it had none when it left the segment.';
comment on column journey.occurrence_fate.reason is
'Why it has no series: series_running, or reentered_too_soon; null = it has one.';
comment on column journey.occurrence_fate.decided_at is 'as_of of the run that gave it this fate and reason.';
comment on column journey.occurrence_fate.enrollment_id is 'Series; null = none.';
comment on column journey.occurrence_fate.ended_at is 'When the occurrence ended, by itself or with its series.';
comment on column journey.occurrence_fate.end_reason is 'Why it ended.';
