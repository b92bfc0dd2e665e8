create schema message;
comment on schema message is 'Stage 5, messages: what will be sent, and the state of every mail.';

create table message.shell (
    shell_id bigint generated always as identity primary key,
    shell_key text not null unique,
    campaign text not null,
    step text not null,
    variant text not null,
    language text not null,
    currency text not null,
    template text not null,
    template_version text not null,
    topic text not null,
    token text not null,
    slot_tokens jsonb not null,
    subject text not null,
    preheader text not null,
    html text not null,
    text_part text not null,
    brand jsonb not null,
    offer jsonb,
    created_at timestamptz not null default now(),
    slots_dictionary bytea,
    definition_md5 text,
    is_again boolean not null default false
);

comment on table message.shell is
'The shared part of mails, one row per campaign, step, variant, language, currency, template version and definition.';
comment on column message.shell.shell_id is 'The part of a mail that is the same for everyone.';
comment on column message.shell.shell_key is
'Campaign, step, variant, language, currency, template version, definition.';
comment on column message.shell.campaign is 'Campaign.';
comment on column message.shell.step is 'Step.';
comment on column message.shell.variant is 'Variant.';
comment on column message.shell.language is 'Language.';
comment on column message.shell.currency is 'ISO 4217.';
comment on column message.shell.template is 'Template folder.';
comment on column message.shell.template_version is 'Hash of everything the rendering depends on.';
comment on column message.shell.topic is 'Present name of the topic, which gives sender, group and caps.';
comment on column message.shell.token is 'Random part of this shell''s slot tokens.';
comment on column message.shell.slot_tokens is 'Slot name → token.';
comment on column message.shell.subject is 'Subject, with tokens for the personal parts.';
comment on column message.shell.preheader is 'Preview text, with tokens.';
comment on column message.shell.html is 'HTML part, with tokens.';
comment on column message.shell.text_part is 'Plain-text part, with tokens.';
comment on column message.shell.brand is 'Name, colours and addresses it was rendered with.';
comment on column message.shell.offer is 'Offer of the step, if any.';
comment on column message.shell.created_at is 'When it was rendered.';
comment on column message.shell.definition_md5 is
'Definition that its mails carry; null = none: planned before migration 0029, or written outside live from files that '
'changed after planning.';
comment on column message.shell.is_again is 'It has the template''s second subject.';
comment on column message.shell.slots_dictionary is
'Slots of the template''s sample recipient, which slots of this shell are compressed against; null = no dictionary.';

create table message.message (
    message_id uuid not null,
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    customer_id text not null,
    channel text not null default 'email',
    topic text not null,
    variant text not null,
    priority integer not null,
    shell_id bigint,
    state text not null default 'planned' check (
        state in ('planned', 'claimed', 'accepted', 'rejected', 'in_doubt', 'abandoned', 'cancelled')
    ),
    reason text,
    planned_at timestamptz not null,
    not_before timestamptz not null,
    expires_at timestamptz not null,
    send_day date not null,
    claimed_at timestamptz,
    lease_until timestamptz,
    attempt_id bigint,
    accepted_at timestamptz,
    settled_at timestamptz,
    subject text,
    slots bytea,
    primary key (enrollment_id, step)
) partition by hash (enrollment_id);
alter table message.message alter column slots set storage external;
create table message.message_p0 partition of message.message for values with (modulus 8, remainder 0);
create table message.message_p1 partition of message.message for values with (modulus 8, remainder 1);
create table message.message_p2 partition of message.message for values with (modulus 8, remainder 2);
create table message.message_p3 partition of message.message for values with (modulus 8, remainder 3);
create table message.message_p4 partition of message.message for values with (modulus 8, remainder 4);
create table message.message_p5 partition of message.message for values with (modulus 8, remainder 5);
create table message.message_p6 partition of message.message for values with (modulus 8, remainder 6);
create table message.message_p7 partition of message.message for values with (modulus 8, remainder 7);
create index message_planned on message.message (shell_id, not_before) where state = 'planned';
create index message_attempt on message.message (attempt_id) where state in ('claimed', 'in_doubt', 'abandoned');
create index message_rejected on message.message (campaign, settled_at) where state = 'rejected';
create index message_accepted on message.message (accepted_at) where accepted_at is not null;

comment on table message.message is 'Mails, one row per enrollment and step: that key makes a second mail impossible.';
comment on column message.message.message_id is 'Travels as lm_message_id; its first half is the enrollment.';
comment on column message.message.enrollment_id is
'Enrollment; together with step the key that prevents a second mail.';
comment on column message.message.step is 'Step.';
comment on column message.message.campaign is 'Campaign.';
comment on column message.message.customer_id is 'Recipient.';
comment on column message.message.channel is 'Always email today.';
comment on column message.message.topic is
'Name of the topic when the mail was planned; installation.topic has its present name.';
comment on column message.message.variant is 'Variant.';
comment on column message.message.priority is 'Priority of the campaign; the higher wins a customer''s day.';
comment on column message.message.shell_id is
'Shared part; null = none was ever written: cancelled at planning, the reason says why.';
comment on column message.message.state is 'planned → claimed → accepted | rejected | in_doubt …';
comment on column message.message.reason is 'Why it was rejected, cancelled, returned or settled.';
comment on column message.message.planned_at is '`now` of the run that wrote it.';
comment on column message.message.not_before is 'First permitted moment.';
comment on column message.message.expires_at is
'After this it is cancelled: as stale, or as unapproved if it waited for an approval.';
comment on column message.message.send_day is 'Recipient''s local date of not_before: caps count by it.';
comment on column message.message.claimed_at is 'Last claim.';
comment on column message.message.lease_until is 'After this a claim is in doubt.';
comment on column message.message.attempt_id is 'Last attempt.';
comment on column message.message.accepted_at is 'When the provider took it.';
comment on column message.message.settled_at is 'When it reached its last state.';
comment on column message.message.subject is 'Personal subject, if it has one.';
comment on column message.message.slots is
'Personal parts: JSON of token → text, compressed with Zstandard against the shell''s slots_dictionary. Together with '
'the shell they are the exact mail.';

create table message.offer_code (
    enrollment_id bigint not null,
    step text not null,
    message_id uuid not null,
    campaign text not null,
    customer_id text not null,
    code text not null,
    is_shared boolean not null default false,
    kind text not null check (kind in ('percent', 'amount', 'free_shipping', 'gift')),
    percent numeric(6, 3),
    amount numeric(14, 4),
    currency text,
    gift text,
    minimum numeric(14, 4),
    only_once boolean not null default false,
    valid_from timestamptz not null,
    valid_until timestamptz not null,
    is_told boolean not null default false,
    exported_at timestamptz,
    withdrawn_at timestamptz,
    primary key (enrollment_id, step)
);
create unique index offer_code_personal on message.offer_code (upper(code)) where not is_shared;
create index offer_code_shared on message.offer_code (upper(code), customer_id) where is_shared;
create index offer_code_customer on message.offer_code (customer_id);
create index offer_code_new on message.offer_code (enrollment_id) where not is_told;
create index offer_code_end on message.offer_code (valid_until);

comment on table message.offer_code is
'Codes of offers given out, one row per mail with an offer; written together with the mail.';
comment on column message.offer_code.enrollment_id is 'Series, with step the mail that shows the code first.';
comment on column message.offer_code.step is 'Step.';
comment on column message.offer_code.message_id is 'The mail.';
comment on column message.offer_code.campaign is 'Campaign that gave it.';
comment on column message.offer_code.customer_id is 'Whom it was given to.';
comment on column message.offer_code.code is 'The code a customer types: a random one of the mail, or the shared one.';
comment on column message.offer_code.is_shared is 'Whether all mails of the step show this code.';
comment on column message.offer_code.kind is 'percent, amount, free_shipping or gift.';
comment on column message.offer_code.percent is 'Discount, percent.';
comment on column message.offer_code.amount is 'Discount, in currency.';
comment on column message.offer_code.currency is 'ISO 4217, of amount and minimum.';
comment on column message.offer_code.gift is 'Word of the gift.';
comment on column message.offer_code.minimum is 'Smallest order it counts for, in currency.';
comment on column message.offer_code.only_once is 'Whether it works for one order alone.';
comment on column message.offer_code.valid_from is 'When its mail was planned.';
comment on column message.offer_code.valid_until is
'Last instant it is valid: the last moment its mail may go, plus the valid hours of the offer.';
comment on column message.offer_code.is_told is
'Whether the shop knows what stands here; the next export tells the rest.';
comment on column message.offer_code.exported_at is 'When the shop was last told about it; null = never.';
comment on column message.offer_code.withdrawn_at is 'When its mail ended without being sent; null = it holds.';

create table message.progress (
    campaign text primary key,
    last_decision_id bigint not null
);

comment on table message.progress is 'How far each campaign has written its mails, one row per campaign.';
comment on column message.progress.campaign is 'Campaign.';
comment on column message.progress.last_decision_id is
'Every decision up to this one has its message, if it gets one.';

-- A mail carries the definition it was planned from: campaign file, sender, brand, and every text it is made of.
create sequence message.reading;
comment on sequence message.reading is 'Numbers the readings of definitions from files.';

create table message.definition (
    definition_md5 text primary key,
    campaign text not null,
    campaign_file json not null,
    sender json not null,
    brand json not null,
    reading bigint not null default 0,
    created_at timestamptz not null default now()
);
create index definition_campaign on message.definition (campaign, reading);

comment on table message.definition is
'Definitions of campaigns, one row per definition that was ever planned from or approved.';
comment on column message.definition.definition_md5 is
'Checksum of campaign file, sender, brand and texts: an approval holds for it.';
comment on column message.definition.campaign is 'Campaign.';
comment on column message.definition.campaign_file is 'The campaign file as read, keys in their order.';
comment on column message.definition.sender is 'What recipients see of the topic: sender name and address.';
comment on column message.definition.brand is
'The brand file as read; the postal address is a setting and not part of it.';
comment on column message.definition.reading is
'Number of the reading from files that last made it the present one; the campaign''s highest is the present one.';
comment on column message.definition.created_at is 'When it was first read.';

create table message.source_text (
    text_md5 text primary key,
    content text not null
);

comment on table message.source_text is 'Texts that definitions are made of, one row per text.';
comment on column message.source_text.text_md5 is 'Checksum of the text.';
comment on column message.source_text.content is 'Template, layout, words or sample, as the mails use it.';

create table message.definition_file (
    definition_md5 text not null,
    path text not null,
    text_md5 text not null,
    primary key (definition_md5, path)
);

comment on table message.definition_file is 'Which texts a definition is made of, one row per definition and file.';
comment on column message.definition_file.definition_md5 is 'Definition.';
comment on column message.definition_file.path is
'File inside the template folder; a translation file holds the words that the campaign uses.';
comment on column message.definition_file.text_md5 is 'Its text.';

create table message.recommendation (
    enrollment_id bigint not null,
    step text not null,
    place integer not null,
    product_id text not null,
    why text not null check (
        why in ('declared', 'bought_together', 'upgrade', 'similar', 'bestseller', 'new')
    ),
    primary key (enrollment_id, step, place)
);

comment on table message.recommendation is
'Products that a mail recommends, one row per mail and place, as its last claim chose them.';
comment on column message.recommendation.enrollment_id is 'Enrollment of the mail.';
comment on column message.recommendation.step is 'Its step.';
comment on column message.recommendation.place is 'Place in the mail, from 1.';
comment on column message.recommendation.product_id is 'Product.';
comment on column message.recommendation.why is
'Which rule chose it: declared by the shop, bought together, the dearer one, similar, sells well, or new.';
