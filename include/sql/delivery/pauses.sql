-- What stops a campaign's mails now.
-- grain: one row per pause
-- campaign text (null = all pauses)
-- look-back: none
select
    pause.scope,
    pause.reason,
    pause.detail,
    pause.paused_at
from delivery.pause
where
    cast(:campaign as text) is null
    or pause.scope in ('all', 'campaign:' || cast(:campaign as text))
order by pause.scope
