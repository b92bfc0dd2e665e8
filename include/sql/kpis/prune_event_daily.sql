-- Take out rows that no longer count anything.
-- grain: one row a (day, campaign, step, variant)
delete from kpi.event_daily
where
    revenue = 0
    and currency is null
    and planned = 0
    and held_out = 0
    and skipped = 0
    and accepted = 0
    and delivered = 0
    and openers = 0
    and machine_openers = 0
    and clickers = 0
    and converters = 0
    and bounced_hard = 0
    and bounced_soft = 0
    and dropped = 0
    and unsubscribed = 0
    and complained = 0
