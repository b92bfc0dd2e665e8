-- What of a campaign is still under way.
-- grain: one row
-- campaign text
-- look-back: running series, planned mails
select
    (
        select count(*)
        from journey.enrollment
        where enrollment.campaign = cast(:campaign as text) and enrollment.ended_at is null
    ) as series,
    (
        select count(*)
        from message.shell
        inner join message.message on shell.shell_id = message.shell_id
        where shell.campaign = cast(:campaign as text) and message.state = 'planned'
    ) as mails
