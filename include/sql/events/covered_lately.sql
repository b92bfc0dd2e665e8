-- How far the provider's events cover the mails of 30 days, without the newest two days, whose events may still come.
-- grain: one row; mails = mails accepted, heard = of these, mails with an event of their own
-- now timestamptz
-- look-back: 30 days
select
    count(*) as mails,
    count(engagement.first_event_at) as heard
from message.message
left join event.engagement
    on message.enrollment_id = engagement.enrollment_id and message.step = engagement.step
where
    message.state = 'accepted'
    and message.accepted_at > cast(:now as timestamptz) - interval '720 hours'
    and message.accepted_at <= cast(:now as timestamptz) - interval '48 hours'
