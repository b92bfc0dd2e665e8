-- How `why` tells why a row was refused, or a value left out: in which file and line of a feed, and for what reason.
create or replace function kpi.refusal_told(file text, line bigint, reason text, detail text) returns text
language sql stable parallel safe as $$
    select file || coalesce(' line ' || cast(line as text), '') || ': ' || reason || coalesce(' (' || detail || ')', '')
$$;
