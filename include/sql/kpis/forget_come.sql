-- Forget the facts ahead whose time has come: this roll-up counts them.
-- grain: one row per fact
-- now timestamptz
delete from kpi.ahead
where ahead.happens_at <= cast(:now as timestamptz)
