-- Withdrawals that stand at a mailbox by the whole log: source.mailbox_withdrawal_at has the rule.
create or replace view source.mailbox_withdrawal as
select
    standing.address,
    standing.customer_id,
    standing.said_at,
    standing.origin
from source.mailbox_withdrawal_at('infinity') as standing;

comment on view source.mailbox_withdrawal is
'Withdrawals that stand at a mailbox and bind everyone who holds it, one row per word.';
comment on column source.mailbox_withdrawal.address is 'Mailbox at which it was said, lower case.';
comment on column source.mailbox_withdrawal.customer_id is 'Who said it; empty = not known.';
comment on column source.mailbox_withdrawal.said_at is 'When.';
comment on column source.mailbox_withdrawal.origin is 'By what, as in source.permission_change.';
