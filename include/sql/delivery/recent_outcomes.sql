-- The outcomes of a campaign's recent mails, which breakers judge.
-- grain: one row
-- campaign text; now timestamptz; window_hours hours
-- look-back: window_hours, and not before the campaign (or everything) was last resumed
-- A worker that began before the campaign was renamed asks by the former name.
with called as (
    select installation.campaign_called(cast(:campaign as text)) as campaign
),

since as (
    select
        greatest(
            cast(:now as timestamptz) - cast(:window_hours as double precision) * interval '1 hour',
            max(resumption.resumed_at)
        ) as moment
    from delivery.resumption
    where resumption.scope in ('all', 'campaign:' || (select called.campaign from called))
),

taken as (
    select
        count(*) as accepted,
        count(engagement.complained_at) as complained,
        count(engagement.bounced_hard_at) as bounced
    from message.message
    left join event.engagement
        on message.enrollment_id = engagement.enrollment_id and message.step = engagement.step
    where
        message.campaign = (select called.campaign from called)
        and message.accepted_at > (select since.moment from since)
),

refused as (
    select count(*) as rejected
    from message.message
    where
        message.campaign = (select called.campaign from called)
        and message.state = 'rejected'
        and message.settled_at > (select since.moment from since)
)

select
    taken.accepted,
    taken.complained,
    taken.bounced,
    refused.rejected
from taken
cross join refused
