-- Names of topics: what each is called now. Links in old mails, exports and lists carry the names of their time.
-- formerly: ba4148156bf96254f1180d14b687a2c5
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

comment on column message.shell.topic is 'Topic, as it is called now: sender, group, caps.';
comment on column message.message.topic is
'Topic, as it was called when the mail was planned; installation.topic says what it is called now.';
