-- A mail carries the definition it was planned from: campaign file, sender, brand, and every text it is made of. Live
-- sending needs an approval of that very definition. Approvals become a log: a revocation ends one, and its row stays.
create sequence message.reading;

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

create table message.source_text (
    text_md5 text primary key,
    content text not null
);

create table message.definition_file (
    definition_md5 text not null,
    path text not null,
    text_md5 text not null,
    primary key (definition_md5, path)
);

alter table message.shell add column definition_md5 text;

alter table delivery.approval drop constraint approval_pkey;
alter table delivery.approval add column approval_id bigint generated always as identity primary key;
alter table delivery.approval add column reading bigint not null default 0;
alter table delivery.approval add column revoked_at timestamptz;
alter table delivery.approval add column revoked_by text;
alter table delivery.approval add column revoked_because text;
alter table delivery.approval alter column reading drop default;
create unique index approval_in_force on delivery.approval (campaign, definition_md5, reading)
where revoked_at is null;

-- What was approved before was a campaign file alone: nobody approved templates, words and brand.
update delivery.approval
set
    revoked_at = now(),
    revoked_by = 'migration 0029',
    revoked_because = 'it held for the campaign file alone: approve the whole definition';

comment on sequence message.reading is 'Numbers the readings of definitions from files.';

comment on table message.definition is
'What campaigns'' mails were planned from, one row per definition that was ever planned from or approved.';
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

comment on table message.source_text is 'Texts that definitions are made of, one row per text.';
comment on column message.source_text.text_md5 is 'Checksum of the text.';
comment on column message.source_text.content is 'Template, layout, words or sample, as the mails use it.';

comment on table message.definition_file is 'Which texts a definition is made of, one row per definition and file.';
comment on column message.definition_file.definition_md5 is 'Definition.';
comment on column message.definition_file.path is
'File inside the template folder; a translation file holds the words that the campaign uses.';
comment on column message.definition_file.text_md5 is 'Its text.';

comment on table message.shell is
'The shared part of mails, one row per campaign, step, variant, language, currency, template version and definition.';
comment on column message.shell.shell_key is
'Campaign, step, variant, language, currency, template version, definition.';
comment on column message.shell.definition_md5 is
'Definition that its mails carry; null = none: planned before migration 0029, or written outside live from files that '
'changed after planning.';
comment on column message.message.expires_at is
'Past this it is cancelled: as stale, or as unapproved if it waited for an approval.';

comment on table delivery.approval is
'Approvals for live sending and their revocations, one row per approval; nothing is ever deleted.';
comment on column delivery.approval.definition_md5 is 'Definition that was approved (message.definition).';
comment on column delivery.approval.approval_id is
'Order of approvals; the newest in force is what planning uses in live.';
comment on column delivery.approval.reading is
'Reading of the definition that was approved: planned mails of earlier readings go out as this one.';
comment on column delivery.approval.revoked_at is 'When it was revoked; null = in force.';
comment on column delivery.approval.revoked_by is 'By whom, a role or a login, not an address.';
comment on column delivery.approval.revoked_because is 'Why, in the words of who revoked it.';
