-- The mails with a click that only an order or a page view shows to be a person's. These come with loads, before the
-- click or after it. The table is dropped with the transaction.
-- grain: one row per mail
-- within_days: days of 24 hours before the newest such click; null = all
create temporary table event_clicked on commit drop as
select
    engagement.enrollment_id,
    engagement.step
from event.engagement
where
    engagement.last_unsure_click_at is not null
    and (
        cast(:within_days as integer) is null
        or engagement.last_unsure_click_at >= (
            select max(newest.last_unsure_click_at)
            from event.engagement as newest
            where newest.last_unsure_click_at is not null
        ) - cast(:within_days as integer) * interval '24 hours'
    )
