-- Permit sending within a scope again.
-- grain: one row a scope
-- scope 'all' or 'campaign:<name>'; reason text (null = whatever the reason)
-- look-back: none
delete from delivery.pause
where
    pause.scope = cast(:scope as text)
    and (cast(:reason as text) is null or pause.reason = cast(:reason as text))
