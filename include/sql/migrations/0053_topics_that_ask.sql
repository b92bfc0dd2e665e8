-- Which topics ask people for a confirmation: after a no, their mails to a mailbox are counted together.
-- The next opening with the topics file fills it.
alter table installation.topic add column accepts_pending boolean not null default false;
comment on column installation.topic.accepts_pending is
'Its mails may ask for a confirmation: people who signed up and have not confirmed get them.';
comment on column source.customer.email is
'Address as given, its domain as punycode; null only after erasure.';
