-- How mailboxes are compared in SQL: two addresses that are one mailbox become the same text. A domain in a script of
-- its own is punycode before it gets here (lifecycle_mail.mailboxes), so only the case of letters is left. The column
-- source.customer.address is generated in the same way.
create or replace function source.mailbox(address text) returns text
language sql immutable parallel safe as $$
    select lower(address)
$$;
