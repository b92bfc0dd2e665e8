-- Keep what the provider's lists say, word by word, if no word of that time is known: lists name no speaker.
-- grain: one row per word
insert into event.word (address, scope, kind, reason, said_at, source)
select distinct
    listed_staging.address,
    case
        when listed_staging.listed_at <= ended_group.ended_at then ended_group.scope
        else installation.scope_meant(listed_staging.scope)
    end as scope,
    'no' as kind,
    listed_staging.reason,
    listed_staging.listed_at as said_at,
    'sync' as source
from listed_staging
left join installation.ended_group on listed_staging.scope = ended_group.said
where
    not exists (
        select 1
        from event.word
        where
            word.address = listed_staging.address
            and word.reason = listed_staging.reason
            and word.said_at = listed_staging.listed_at
    )
on conflict (address, scope, reason, said_at, customer_id) do nothing
