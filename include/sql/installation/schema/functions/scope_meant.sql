-- The scope that a word to leave or to come back is about. A topic counts under its present name; if it has ended or is
-- unknown, the word is about all mail. A group counts as the topic that has it; if none has, it stays `group:<number>`,
-- which blocks all mail and can be lifted by itself.
create or replace function installation.scope_meant(said text) returns text
language sql stable parallel safe as $$
    select coalesce(
        (
            select 'topic:' || present.topic
            from installation.topic as named
            inner join installation.topic as present on coalesce(named.became, named.topic) = present.topic
            where
                named.topic = case
                    when said like 'topic:%' then substr(said, 7)
                    when said like 'group:%' then (
                        select topic_group.topic
                        from installation.topic_group
                        where topic_group.group_id = cast(substr(said, 7) as bigint)
                    )
                end
                and not named.is_retired
                and not present.is_retired
        ), case when said like 'group:%' then said else 'all' end
    )
$$;
