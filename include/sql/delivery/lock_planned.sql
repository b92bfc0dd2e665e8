-- Planned mails to judge (delivery/pick): up to `batch` of one shell that are due, the longest due first, locked. Those
-- that another worker holds are skipped.
-- grain: one row per mail
-- shell_id bigint; batch mails; now timestamptz; only_enrollment_id bigint: this mail alone (null = any)
-- look-back: none
select
    message.enrollment_id,
    message.step,
    message.message_id,
    message.customer_id,
    message.not_before,
    message.expires_at,
    message.reason as waits_for
from message.message
where
    message.shell_id = cast(:shell_id as bigint)
    and message.state = 'planned'
    and (cast(:only_enrollment_id as bigint) is null or message.enrollment_id = cast(:only_enrollment_id as bigint))
    and message.not_before <= cast(:now as timestamptz)
order by message.not_before
limit cast(:batch as integer)
for update skip locked
