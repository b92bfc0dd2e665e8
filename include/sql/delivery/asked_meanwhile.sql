-- Customers to whose mailbox an opt-in mail went until now (decision.asked_lately): what the claims that were faster
-- committed. Run it after delivery/lock_mailboxes in the same transaction.
-- grain: one row per customer
-- customer_ids text[]; topic text; now timestamptz
-- look-back: 30 days of mails to the mailboxes
select asked.customer_id
from unnest(cast(:customer_ids as text[])) as asked (customer_id)
where decision.asked_lately(asked.customer_id, cast(:topic as text), true, cast(:now as timestamptz))
