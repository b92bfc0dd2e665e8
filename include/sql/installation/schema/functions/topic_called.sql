-- The present name of a topic. A name that is unknown stays as it is.
create or replace function installation.topic_called(name text) returns text
language sql stable parallel safe as $$
    select coalesce(
        (select coalesce(topic.became, topic.topic) from installation.topic where topic.topic = name), name
    )
$$;
