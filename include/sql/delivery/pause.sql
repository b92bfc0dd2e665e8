-- Stop sending within a scope; an earlier pause of the scope stays as it is.
-- grain: one row a scope
-- scope 'all' or 'campaign:<name>'; reason, detail text; now timestamptz
-- look-back: none
insert into delivery.pause (scope, reason, detail, paused_at)
values (
    cast(:scope as text), cast(:reason as text), cast(:detail as text), cast(:now as timestamptz)
)
on conflict (scope) do nothing
