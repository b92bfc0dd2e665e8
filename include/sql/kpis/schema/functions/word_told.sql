-- How `why` tells a word about mail of event.mailbox_word: who said it, where, by what, and what ended it.
create or replace function kpi.word_told(
    reason text,
    speaker text,  -- null = not known
    mailbox text,  -- null = it is plain which one
    source text,
    ended_at timestamptz,
    ended_by text
) returns text
language sql stable parallel safe as $$
    select
        reason || ', said by ' || coalesce(speaker, 'an unknown speaker')
        || coalesce(' at ' || mailbox, '')
        || ' (' || source || ')'
        || coalesce(
            ', lifted ' || to_char(ended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ' by ' || ended_by, ''
        )
$$;
