create schema event;
comment on schema event is
'Stage 7, events: what the provider reports, deduplicated; first facts per message; who must not be mailed.';

create table event.batch (
    batch_id bigint generated always as identity primary key,
    ingested_at timestamptz not null default now(),
    source_name text not null,
    files integer not null default 1,
    received bigint not null default 0,
    inserted bigint not null default 0,
    duplicates bigint not null default 0,
    rejected bigint not null default 0,
    newest_at timestamptz
);

comment on table event.batch is 'Steps of an ingest that were committed, one row per step.';
comment on column event.batch.batch_id is 'One committed step of an ingest.';
comment on column event.batch.ingested_at is 'When.';
comment on column event.batch.source_name is 'Export file; the first one if the step read several.';
comment on column event.batch.files is 'Files that the step read something from.';
comment on column event.batch.received is 'Events and lines read.';
comment on column event.batch.inserted is 'Events that were new.';
comment on column event.batch.duplicates is 'Events that were here already.';
comment on column event.batch.rejected is 'Events and lines set aside.';
comment on column event.batch.newest_at is
'Time of the newest event of our mails that was new; null = no such event was new. A time ahead of the ingest is left '
'out.';

create table event.file (
    source_name text primary key,
    read_bytes bigint not null,
    read_lines bigint not null,
    size_bytes bigint not null,
    fingerprint text not null,
    is_finished boolean not null,
    read_at timestamptz not null default now()
);

comment on table event.file is 'Export files and how far each was read, one row per file.';
comment on column event.file.source_name is 'Export file, relative to what was ingested.';
comment on column event.file.read_bytes is
'Bytes read so far (of a .gz file: of its text); a file that grows is read on from here.';
comment on column event.file.read_lines is 'Line ends before that place.';
comment on column event.file.size_bytes is 'Size on disk when it was read.';
comment on column event.file.fingerprint is
'md5 of its first and last bytes up to that size: another file of this name is read from the start.';
comment on column event.file.is_finished is 'Read to the end of that size; false = an ingest was cut off.';
comment on column event.file.read_at is 'When.';

create table event.event (
    -- Compared as bytes, not as words of a language, so that searching an index needs no rules of a locale.
    sg_event_id text collate "C" not null,
    occurred_at timestamptz not null,
    event text not null,
    message_id uuid,
    address text,
    batch_id bigint not null,
    raw json not null,
    fact text,
    unique (sg_event_id, occurred_at)
) partition by range (occurred_at);
create index event_message on event.event (message_id) where message_id is not null;
-- Only an erasure looks up an address. A filter of a hundredth of the table's size is enough for it. The erasure reads
-- the few megabytes that may hold the address, and those that came in since filters were last made.
create index event_address_filter on event.event using brin (address text_bloom_ops);

comment on table event.event is 'Events as the provider reported them, one row per event, however often it came.';
comment on column event.event.sg_event_id is 'The provider''s id of the event, or a hash if it gave none.';
comment on column event.event.occurred_at is 'The event''s own timestamp.';
comment on column event.event.event is 'Processed, delivered, open…; unknown kinds are kept.';
comment on column event.event.message_id is 'lm_message_id; null = the event carries none.';
comment on column event.event.address is 'Recipient, lower case; null after erasure.';
comment on column event.event.batch_id is 'Ingest that brought it.';
comment on column event.event.raw is 'The event as it came.';
comment on column event.event.fact is
'What an open or a bounce means: machine_open, bounced_hard or bounced_soft; null = what the kind in event says.';

create table event.engagement (
    enrollment_id bigint not null,
    step text not null,
    message_id uuid not null,
    campaign text not null,
    customer_id text not null,
    first_event_at timestamptz,
    processed_at timestamptz,
    delivered_at timestamptz,
    deferred_at timestamptz,
    deferred_count integer not null default 0,
    bounced_hard_at timestamptz,
    bounced_soft_at timestamptz,
    dropped_at timestamptz,
    reason text,
    reason_at timestamptz,
    first_open_at timestamptz,
    last_open_at timestamptz,
    first_machine_open_at timestamptz,
    first_click_at timestamptz,
    last_click_at timestamptz,
    unsubscribed_at timestamptz,
    complained_at timestamptz,
    batch_id bigint not null,
    last_delivered_at timestamptz,
    last_bounced_soft_at timestamptz,
    first_machine_click_at timestamptz,
    last_doubtful_click_at timestamptz,
    last_unsure_click_at timestamptz,
    primary key (enrollment_id, step)
);
create index engagement_batch on event.engagement (batch_id);
-- Most queries for a customer's mails ask when the customer opened or clicked one. The few that need all mails (one
-- person's timeline) find them by the enrollments.
create index engagement_active_customer on event.engagement (customer_id)
where first_open_at is not null or first_click_at is not null;
create index engagement_unsure on event.engagement (last_unsure_click_at) where last_unsure_click_at is not null;

comment on table event.engagement is
'First facts of a mail folded from its events, one row per message with any event.';
comment on column event.engagement.enrollment_id is 'Message''s enrollment.';
comment on column event.engagement.step is 'Message''s step.';
comment on column event.engagement.message_id is 'Message.';
comment on column event.engagement.campaign is 'Campaign.';
comment on column event.engagement.customer_id is 'Recipient.';
comment on column event.engagement.first_event_at is
'Earliest event of any kind with our ids: proof that the provider took the mail; null = none had our ids.';
comment on column event.engagement.processed_at is
'First event of its kind, as in all columns below that are not called last.';
comment on column event.engagement.delivered_at is 'Taken by the mailbox.';
comment on column event.engagement.deferred_at is 'First deferral.';
comment on column event.engagement.deferred_count is 'Number of deferrals.';
comment on column event.engagement.bounced_hard_at is 'Type bounce.';
comment on column event.engagement.bounced_soft_at is 'Type blocked, or deferrals exhausted (type expired).';
comment on column event.engagement.dropped_at is 'Refused by the provider after it had accepted the mail.';
comment on column event.engagement.reason is 'Text of the newest bounce or drop, addresses removed.';
comment on column event.engagement.reason_at is 'When that bounce or drop happened.';
comment on column event.engagement.first_open_at is 'First human open.';
comment on column event.engagement.last_open_at is 'Newest human open.';
comment on column event.engagement.first_machine_open_at is 'First prefetch by a mail program.';
comment on column event.engagement.first_click_at is 'First human click.';
comment on column event.engagement.last_click_at is 'Newest human click.';
comment on column event.engagement.unsubscribed_at is 'Any way of unsubscribing by this mail.';
comment on column event.engagement.complained_at is 'Spam report.';
comment on column event.engagement.batch_id is 'Ingest that last changed the row; roll-ups start from it.';
comment on column event.engagement.last_delivered_at is
'Newest delivery; an outcome is the latest of deliveries and soft bounces.';
comment on column event.engagement.last_bounced_soft_at is 'Newest soft bounce.';
comment on column event.engagement.first_machine_click_at is
'First click that is not known to be a person''s: a scanner''s, or a doubtful one.';
comment on column event.engagement.last_doubtful_click_at is
'Newest click that may be a person''s or a scanner''s; null = none. It holds a sunset back, and counts for nothing.';
comment on column event.engagement.last_unsure_click_at is
'Newest click that only an order or a page view shows to be a person''s, shown or not: such mails are judged again.';

create table event.click (
    enrollment_id bigint not null,
    step text not null,
    clicked_at timestamptz not null,
    link bigint not null,
    agent bigint not null,
    is_scanner boolean not null,
    kind text not null default 'human' check (kind in ('human', 'machine', 'doubtful')),
    primary key (enrollment_id, step, clicked_at, link, agent)
);

comment on table event.click is
'Clicks in mails, one row per mail, second, link and agent; who made them is judged per mail.';
comment on column event.click.enrollment_id is 'Message''s enrollment.';
comment on column event.click.step is 'Message''s step.';
comment on column event.click.clicked_at is 'When.';
comment on column event.click.link is 'Hash of the link.';
comment on column event.click.agent is 'Hash of the program that clicked.';
comment on column event.click.is_scanner is 'The program is a known scanner.';
comment on column event.click.kind is
'human, machine (a known scanner), or doubtful (it looks like a scanner''s, and no order or page view followed).';

create table event.unmatched (
    sg_event_id text collate "C" not null primary key,
    occurred_at timestamptz not null,
    fact text not null,
    address text not null,
    reason text,
    request_id text,
    link bigint,
    agent bigint,
    is_scanner boolean
);

comment on table event.unmatched is
'Events without our ids that wait for the fate of a mail under way to their mailbox, one row per event.';
comment on column event.unmatched.sg_event_id is 'Event.';
comment on column event.unmatched.occurred_at is 'The event''s own timestamp.';
comment on column event.unmatched.fact is 'What it means for a mail.';
comment on column event.unmatched.address is 'Mailbox, lower case; erasure deletes the row.';
comment on column event.unmatched.reason is 'Text of a bounce or drop, addresses removed.';
comment on column event.unmatched.request_id is
'Id of the request that the event names; null = it names none.';
comment on column event.unmatched.link is 'Of a click, as in event.click.';
comment on column event.unmatched.agent is 'Of a click, as in event.click.';
comment on column event.unmatched.is_scanner is 'Of a click, as in event.click.';

create table event.suppression (
    address text not null,
    scope text not null,
    reason text not null,
    suppressed_at timestamptz not null,
    source text not null,
    last_suppressed_at timestamptz,
    lifted_at timestamptz,
    batch_id bigint,
    primary key (address, scope, reason)
);
create index suppression_address on event.suppression (address) where lifted_at is null;
-- Members of groups that no topic has. There are few, or an operator looks for them.
create index suppression_group on event.suppression (scope) where scope like 'group:%';

comment on table event.suppression is 'Who must not be mailed, one row per address, scope and reason.';
comment on column event.suppression.address is 'Address, lower case.';
comment on column event.suppression.scope is
'''all'', ''topic:<name>'', or ''group:<number>'': a group of SendGrid that no topic has, which blocks all mail.';
comment on column event.suppression.reason is 'Unsubscribed, hard_bounce, complaint, dropped, sunset, operator.';
comment on column event.suppression.suppressed_at is 'Since when: the earliest time it was said.';
comment on column event.suppression.source is 'Event kind, page, sync… that said it first.';
comment on column event.suppression.last_suppressed_at is
'Newest time it was said; null = said once, at suppressed_at.';
comment on column event.suppression.lifted_at is 'When the person came back after that; null = in force.';
comment on column event.suppression.batch_id is 'Ingest that last changed the row.';

create table event.resubscription (
    address text not null,
    scope text not null,
    resubscribed_at timestamptz not null,
    batch_id bigint not null,
    primary key (address, scope)
);

comment on table event.resubscription is 'Who asked for mail of a topic again, one row per address and scope.';
comment on column event.resubscription.address is 'Address, lower case.';
comment on column event.resubscription.scope is
'''topic:<name>'' or ''group:<number>''; nothing the provider reports lifts ''all''.';
comment on column event.resubscription.resubscribed_at is 'Newest time the person asked for mail again.';
comment on column event.resubscription.batch_id is 'Ingest that last changed the row.';

create table event.word (
    address text not null,
    scope text not null,
    kind text not null check (kind in ('no', 'yes')),
    reason text not null,
    customer_id text,
    said_at timestamptz not null,
    source text not null,
    batch_id bigint,
    recorded_at timestamptz not null default now(),
    unique nulls not distinct (address, scope, reason, said_at, customer_id)
);
create index word_speaker on event.word (customer_id) where customer_id is not null;

comment on table event.word is
'What was said at a mailbox, one row per word: event.suppression and event.resubscription are what became of them.';
comment on column event.word.address is 'Mailbox, lower case.';
comment on column event.word.scope is '''all'', or ''topic:<name>''.';
comment on column event.word.kind is 'no or yes.';
comment on column event.word.reason is
'Of a no as in event.suppression; of a yes resubscribed, or lifted (by an operator: ends a no of any reason).';
comment on column event.word.customer_id is 'Who said it: the customer of the mail; null = not known.';
comment on column event.word.said_at is 'When it was said.';
comment on column event.word.source is 'Event kind, sync…';
comment on column event.word.batch_id is 'Ingest that brought it, if one did.';
comment on column event.word.recorded_at is 'When it was written here.';

create table event.rejected (
    rejected_id bigint generated always as identity primary key,
    source_name text not null,
    line bigint not null,
    reason text not null,
    detail text,
    raw text,
    raw_md5 text not null,
    rejected_at timestamptz not null default now(),
    unique (source_name, line, reason, raw_md5)
);
-- A line that is still being written grows between two ingests. It is set aside once.
create unique index rejected_cut_line on event.rejected (source_name, line) where reason = 'cut_line';

comment on table event.rejected is 'Lines of exports that are not events, one row per line and reason.';
comment on column event.rejected.rejected_id is 'One line set aside.';
comment on column event.rejected.source_name is 'Export file.';
comment on column event.rejected.line is 'Line, or place in the array.';
comment on column event.rejected.reason is 'Named reason.';
comment on column event.rejected.detail is 'What was wrong, without addresses.';
comment on column event.rejected.raw is 'The line as it came; null after erasure.';
comment on column event.rejected.raw_md5 is 'md5 of raw: a second ingest adds nothing.';
comment on column event.rejected.rejected_at is 'When.';

-- Suppressions in step with the provider's lists: how far they were read, and what the provider is known to hold.
create table event.sync_progress (
    list_name text primary key,
    covered_until timestamptz not null,
    synced_at timestamptz not null
);

comment on table event.sync_progress is
'How far each list of the provider was read, one row per list.';
comment on column event.sync_progress.list_name is
'bounces, invalid_emails, spam_reports, unsubscribes, blocks; groups = all unsubscribe groups.';
comment on column event.sync_progress.covered_until is
'Every row the list held up to this moment was read; the next window begins a day before it.';
comment on column event.sync_progress.synced_at is 'When it was last read.';

create table event.provider_suppression (
    address text not null,
    group_id bigint not null,
    said_at timestamptz not null,
    requested_at timestamptz,
    pushed_at timestamptz,
    refused_at timestamptz,
    primary key (address, group_id)
);
create index provider_suppression_queue on event.provider_suppression (group_id, address)
where requested_at is not null and pushed_at is null and refused_at is null;

comment on table event.provider_suppression is
'Opt-outs that the provider is known to hold or has to be told, one row per address and unsubscribe group.';
comment on column event.provider_suppression.address is 'Address, lower case.';
comment on column event.provider_suppression.group_id is 'Unsubscribe group at the provider; 0 = its global list.';
comment on column event.provider_suppression.said_at is 'Newest opt-out that this row covers.';
comment on column event.provider_suppression.requested_at is
'When the push was first queued; null = the provider had it of its own accord.';
comment on column event.provider_suppression.pushed_at is
'When the provider took it from us; null while requested_at is set = not yet.';
comment on column event.provider_suppression.refused_at is
'When the provider refused this address; it is offered again only after a newer opt-out.';

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
comment on column event.suppression_lift.lifted is
'What was in force here: ''<scope> <reason>'' each; ''all withdrawn'' = what was said in the log of consent.';
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

create table event.survey_answer (
    enrollment_id bigint not null,
    survey text not null,
    answered_at timestamptz not null,
    answer text not null,
    step text not null,
    campaign text not null,
    customer_id text not null,
    is_current boolean not null,
    batch_id bigint not null,
    primary key (enrollment_id, survey, answered_at, answer)
);
create index survey_answer_batch on event.survey_answer (batch_id);
create index survey_answer_customer on event.survey_answer (customer_id, survey, answered_at);

comment on table event.survey_answer is
'What people answered on the pages behind their mails, one row per answer; a change of mind is a row more.';
comment on column event.survey_answer.enrollment_id is 'Enrollment of the mail that asked.';
comment on column event.survey_answer.survey is
'Which question: the template''s word; stay_or_go, leaving and birthday are the pages'' own.';
comment on column event.survey_answer.answered_at is 'When.';
comment on column event.survey_answer.answer is 'The word behind the answer; of a birthday --MM-DD.';
comment on column event.survey_answer.step is 'Step of that mail.';
comment on column event.survey_answer.campaign is 'Campaign of that mail.';
comment on column event.survey_answer.customer_id is 'Who answered; erasure deletes the row.';
comment on column event.survey_answer.is_current is 'The newest answer of the enrollment to this question.';
comment on column event.survey_answer.batch_id is 'Ingest that brought it.';
create table event.hygiene_run (
    ran_at timestamptz not null,
    measure text not null,
    found bigint not null,
    primary key (ran_at, measure)
);

comment on table event.hygiene_run is 'What runs of list hygiene found and did, one row per run and measure.';
comment on column event.hygiene_run.ran_at is 'Moment that the run judged.';
comment on column event.hygiene_run.measure is
'sunset_due (silent people of whom it is time), sunset (of these, people who get no mail from now on),
mails_30_days, mails_with_events (how far events cover the mails), mailboxes_resting, mailboxes_of_several,
customers_of_these, mailboxes_suppressed.';
comment on column event.hygiene_run.found is 'How many.';
