-- Groups of SendGrid by whose they are, lifts by an operator, mailboxes that rest after soft bounces.
-- Unsubscribe groups of the SendGrid account, by whose they are. Events and lists name groups by their numbers.
create table installation.topic_group (
    group_id bigint primary key,
    topic text,
    noted_at timestamptz not null default now()
);

comment on table installation.topic_group is
'Unsubscribe groups of SendGrid that are known, one row per group: written whenever the topics file says something '
'new.';
comment on column installation.topic_group.group_id is 'The group''s number at SendGrid.';
comment on column installation.topic_group.topic is
'Topic that has the group, or had it last; null = another application''s group (foreign_groups).';
comment on column installation.topic_group.noted_at is 'When the file last said something new about this group.';

-- Members of groups that no topic has. There are few, or an operator looks for them.
create index suppression_group on event.suppression (scope) where scope like 'group:%';

comment on column event.suppression.scope is
'''all'', ''topic:<name>'', or ''group:<number>'': a group of SendGrid that no topic has, which blocks all mail.';
comment on column event.resubscription.scope is
'''topic:<name>'' or ''group:<number>''; nothing the provider reports lifts ''all''.';

create table event.suppression_lift (
    lift_id bigint generated always as identity primary key,
    address text not null,
    lifted_at timestamptz not null,
    lifted_by text not null,
    because text not null,
    reasons text[],
    lifted text[] not null,
    taken_off text[] not null
);
create index suppression_lift_address on event.suppression_lift (address);

comment on table event.suppression_lift is
'The log of lifts by an operator (suppressions lift), one row per lift; rows are never changed.';
comment on column event.suppression_lift.lift_id is 'One lift.';
comment on column event.suppression_lift.address is 'Address, lower case; erasure deletes the row.';
comment on column event.suppression_lift.lifted_at is 'When. What was said before is lifted also if it comes in later.';
comment on column event.suppression_lift.lifted_by is 'Who: a role or a login.';
comment on column event.suppression_lift.because is 'Why, in the operator''s words.';
comment on column event.suppression_lift.reasons is 'Reasons of suppressions that it holds for; null = all.';
comment on column event.suppression_lift.lifted is 'What was in force here: ''<scope> <reason>'' each.';
comment on column event.suppression_lift.taken_off is
'SendGrid''s lists that held the address; groups as ''group <number>''.';

-- A mailbox that is full again and again rests. The facts of it: soft bounces, and the newest delivery.
create table event.soft_bounce (
    address text primary key,
    bounced_at timestamptz[] not null,
    delivered_at timestamptz,
    rested_at timestamptz,
    rests_until timestamptz,
    batch_id bigint not null
);
create index soft_bounce_batch on event.soft_bounce (batch_id);

comment on table event.soft_bounce is
'Mailboxes that gave mail back for a while (soft bounces), one row per address with any.';
comment on column event.soft_bounce.address is 'Address, lower case; erasure deletes the row.';
comment on column event.soft_bounce.bounced_at is 'Soft bounces since the newest delivery, oldest first.';
comment on column event.soft_bounce.delivered_at is
'Newest delivery of any mail of the account to the mailbox, as far as it may matter here.';
comment on column event.soft_bounce.rested_at is 'Soft bounce from which marketing mail rests; null = it does not.';
comment on column event.soft_bounce.rests_until is 'Marketing mail may go again from this moment on; null = no rest.';
comment on column event.soft_bounce.batch_id is 'Ingest that last changed the row.';
