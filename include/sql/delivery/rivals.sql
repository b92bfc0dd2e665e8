-- Planned mails of higher campaigns to the same mailboxes, whenever they may go.
-- Run it after delivery/probe_plans in the same transaction.
-- grain: one row per mail asked for and rival
-- places integer[]: which mail asks; customer_ids text[]: who has its mailbox, side by side; campaigns text[]; now
-- timestamptz
-- look-back: series that run, those through for a month (a mail in doubt may be planned again after its series), and
-- those of a year with a mail after their end
select
    asked.place,
    message.enrollment_id,
    message.step,
    message.shell_id,
    campaign.priority
from unnest(cast(:places as integer[]), cast(:customer_ids as text[])) as asked (place, customer_id)
inner join journey.enrollment
    on
        asked.customer_id = enrollment.customer_id
        and enrollment.campaign = any(cast(:campaigns as text[]))
        and (
            enrollment.ended_at is null
            or (
                enrollment.end_reason = 'completed'
                and enrollment.ended_at > cast(:now as timestamptz) - interval '30 days'
            )
            or (
                enrollment.ended_at > cast(:now as timestamptz) - interval '366 days'
                and exists (
                    select 1
                    from journey.step_due
                    where step_due.enrollment_id = enrollment.enrollment_id and step_due.after_end
                )
            )
        )
inner join message.message on enrollment.enrollment_id = message.enrollment_id and message.state = 'planned'
inner join journey.campaign on enrollment.campaign = campaign.campaign
