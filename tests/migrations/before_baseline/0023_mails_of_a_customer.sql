-- A customer's mails are found by what is written once: the few of the last weeks, for the cap, by their decisions; all
-- of them, for one person, by the person's enrollments. A mail's row is written at planning, claim and record, and each
-- time into every index of it (0021).
-- Mails are locked last: no delivery waits while the index is built.
create index decision_mail on decision.decision (customer_id, expires_at) where outcome in ('send', 'defer');
drop index message.message_customer;
