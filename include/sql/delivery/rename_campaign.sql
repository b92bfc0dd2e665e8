-- Give a campaign's attempts, approvals and pauses its present name. A pause under the present name stays as it is,
-- unless a paused DAG was its reason (delivery/pause).
-- grain: one row per attempt
-- former, present text
-- look-back: every attempt
with approval as (
    update delivery.approval
    set campaign = cast(:present as text)
    where approval.campaign = cast(:former as text)
    returning approval.approval_id
),

paused as (
    delete from delivery.pause
    where pause.scope = 'campaign:' || cast(:former as text)
    returning pause.*
),

pause as (
    insert into delivery.pause (scope, reason, detail, paused_at)
    select
        'campaign:' || cast(:present as text) as scope,
        paused.reason,
        paused.detail,
        paused.paused_at
    from paused
    on conflict (scope) do update
        set
            reason = excluded.reason,
            detail = excluded.detail,
            paused_at = excluded.paused_at
        where pause.reason = 'dag'
    returning pause.scope
),

resumed as (
    delete from delivery.resumption
    where resumption.scope = 'campaign:' || cast(:former as text)
    returning resumption.*
),

resumption as (
    insert into delivery.resumption (scope, resumed_at)
    select
        'campaign:' || cast(:present as text) as scope,
        resumed.resumed_at
    from resumed
    on conflict (scope) do update set resumed_at = greatest(resumption.resumed_at, excluded.resumed_at)
    returning resumption.scope
)

update delivery.attempt
set campaign = cast(:present as text)
where attempt.campaign = cast(:former as text)
