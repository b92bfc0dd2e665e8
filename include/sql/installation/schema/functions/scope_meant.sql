-- The scope that a word to leave or to come back is about: the topic under its present name, or all mail if the topic
-- has ended or is unknown.
create or replace function installation.scope_meant(said text) returns text
language sql stable parallel safe as $$
    select coalesce(
        (
            select 'topic:' || present.topic
            from installation.topic as named
            inner join installation.topic as present on coalesce(named.became, named.topic) = present.topic
            where
                said like 'topic:%'
                and named.topic = substr(said, 7)
                and not named.is_retired
                and not present.is_retired
        ), 'all'
    )
$$;
