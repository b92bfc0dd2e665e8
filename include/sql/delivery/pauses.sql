-- What stops a campaign's mails now.
-- grain: one row per pause
-- campaign text (null = all pauses); a worker that began before it was renamed asks by the former name
-- look-back: none
select
    pause.scope,
    pause.reason,
    pause.detail,
    pause.paused_at
from delivery.pause
where
    cast(:campaign as text) is null
    or pause.scope in ('all', 'campaign:' || installation.campaign_called(cast(:campaign as text)))
order by pause.scope
