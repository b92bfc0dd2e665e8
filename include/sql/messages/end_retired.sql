-- planned → cancelled: the mails of a campaign that was retired.
-- grain: one row per mail
-- campaign text; now timestamptz
-- look-back: planned mails of the campaign's shells
update message.message
set
    state = 'cancelled',
    reason = 'campaign_retired',
    settled_at = cast(:now as timestamptz)
from message.shell
where
    shell.campaign = cast(:campaign as text)
    and message.shell_id = shell.shell_id
    and message.state = 'planned'
