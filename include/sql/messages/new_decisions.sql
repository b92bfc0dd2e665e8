-- The decisions of a campaign whose mails may not be written yet.
-- grain: one row; after = the last decision whose mail is written, upto = the newest (null = the campaign has none)
-- campaign text
-- look-back: the campaign's progress and its newest decision
select
    coalesce(
        (select progress.last_decision_id from message.progress where progress.campaign = cast(:campaign as text)),
        0
    ) as after,
    (
        select max(decision.decision_id)
        from decision.decision
        where decision.campaign = cast(:campaign as text)
    ) as upto
