-- Names of topics: what each is called now. Links in old mails, exports and lists carry the names of their time.
create table installation.topic (
    topic text primary key,
    became text references installation.topic (topic),
    is_retired boolean not null default false,
    noted_at timestamptz not null default now()
);

comment on table installation.topic is
'Names that topics have or had, one row a name: written whenever the topics file says something new.';
comment on column installation.topic.topic is
'Name in include/topics.yaml, in links, and in the scope ''topic:<name>''.';
comment on column installation.topic.became is 'What the topic is called now (renamed_from); null = as here.';
comment on column installation.topic.is_retired is
'The topic has ended: nothing is mailed, a word to leave it means all mail.';
comment on column installation.topic.noted_at is 'When the file last said something new of this name.';

-- Names that opt-outs, mails and campaigns were given before: the topics file has to know them from now on.
insert into installation.topic (topic)
select shell.topic from message.shell
union
select campaign.topic from journey.campaign
union
select substr(suppression.scope, 7) as topic from event.suppression
where suppression.scope like 'topic:%'
union
select substr(resubscription.scope, 7) as topic from event.resubscription
where resubscription.scope like 'topic:%';

-- What a topic is called now; a name that nothing is known of stays what it is.
create function installation.topic_called(name text) returns text
language sql stable parallel safe as $$
    select coalesce(
        (select coalesce(topic.became, topic.topic) from installation.topic where topic.topic = name), name
    )
$$;

-- Whom a word to leave (or to come back) is about: the topic as it is called now, and all mail where the topic has
-- ended or nobody knows it.
create function installation.scope_meant(said text) returns text
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

comment on column message.shell.topic is 'Topic, as it is called now: sender, group, caps.';
comment on column message.message.topic is
'Topic, as it was called when the mail was planned; installation.topic says what it is called now.';
