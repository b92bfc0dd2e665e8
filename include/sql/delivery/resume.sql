-- Permit sending within a scope again, and record when, because breakers judge only what was accepted since then.
-- Unpausing a DAG says nothing about earlier mails, so that is not recorded.
-- grain: one row; lifted = pauses that ended
-- scope 'all' or 'campaign:<name>'; reason text (null = any reason); now timestamptz
-- look-back: none
with lifted as (
    delete from delivery.pause
    where
        pause.scope = cast(:scope as text)
        and (cast(:reason as text) is null or pause.reason = cast(:reason as text))
    returning pause.scope, pause.reason
),

noted as (
    insert into delivery.resumption (scope, resumed_at)
    select
        lifted.scope,
        cast(:now as timestamptz) as resumed_at
    from lifted
    where lifted.reason <> 'dag'
    on conflict (scope) do update set resumed_at = excluded.resumed_at
    returning resumption.scope
)

select count(*) as lifted
from lifted
