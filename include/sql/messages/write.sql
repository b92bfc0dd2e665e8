-- Write one planned mail for each new decision to send or defer, and remember how far decisions have been read.
-- grain: one row a run; messages = mails written
-- campaign, topic text; priority of the campaign; now timestamptz;
-- shells jsonb: [{step, variant, language, currency, shell_id}]
-- look-back: message_fresh; decisions since the campaign's progress
with shell as (
    select
        given.step,
        given.variant,
        given.language,
        given.currency,
        given.shell_id
    from jsonb_to_recordset(cast(:shells as jsonb))
        as given (step text, variant text, language text, currency text, shell_id bigint)
),

written as (
    insert into message.message (
        message_id, enrollment_id, step, campaign, customer_id, topic, variant, priority, shell_id,
        planned_at, not_before, expires_at, send_day
    )
    select
        message.message_id(fresh.enrollment_id, fresh.step) as message_id,
        fresh.enrollment_id,
        fresh.step,
        cast(:campaign as text) as campaign,
        fresh.customer_id,
        cast(:topic as text) as topic,
        fresh.variant,
        cast(:priority as integer) as priority,
        shell.shell_id,
        cast(:now as timestamptz) as planned_at,
        fresh.not_before,
        fresh.expires_at,
        fresh.send_day
    from message_fresh as fresh
    inner join shell
        on
            fresh.step = shell.step
            and fresh.variant = shell.variant
            and fresh.language = shell.language
            and fresh.currency = shell.currency
    on conflict (enrollment_id, step) do nothing
    returning message.enrollment_id
),

progressed as (
    insert into message.progress (campaign, last_decision_id)
    select
        cast(:campaign as text) as campaign,
        max(decision.decision_id) as last_decision_id
    from decision.decision
    where
        decision.campaign = cast(:campaign as text)
        and decision.decision_id > coalesce(
            (
                select progress.last_decision_id
                from message.progress
                where progress.campaign = cast(:campaign as text)
            ), 0
        )
    having count(*) > 0
    on conflict (campaign) do update set last_decision_id = excluded.last_decision_id
    returning progress.campaign
)

select
    (select count(*) from written) as messages,
    (select count(*) from progressed) as progressed
