-- Stop sending within a scope. An earlier pause of the scope stays as it is, unless its reason was a paused DAG. Such a
-- pause ends when the DAG is unpaused, and would end a breaker's or an operator's pause with it.
-- A worker that began before a campaign was renamed stops it by its former name.
-- grain: one row per scope
-- scope 'all' or 'campaign:<name>'; reason, detail text; now timestamptz
-- look-back: none
insert into delivery.pause (scope, reason, detail, paused_at)
values (
    case
        when cast(:reason as text) <> 'dag' and cast(:scope as text) like 'campaign:%'
            then 'campaign:' || installation.campaign_called(substr(cast(:scope as text), 10))
        else cast(:scope as text)
    end,
    cast(:reason as text), cast(:detail as text), cast(:now as timestamptz)
)
on conflict (scope) do update set
    reason = excluded.reason,
    detail = excluded.detail,
    paused_at = excluded.paused_at
where pause.reason = 'dag' and excluded.reason <> 'dag'
