-- Hold the mailboxes to which an opt-in mail is to go after a no, until this transaction ends: another claim of such a
-- mail waits. In the order of their keys everywhere: two claims would else wait for each other.
-- grain: one row per mailbox
-- addresses text[] in lower case
-- look-back: none
select pg_advisory_xact_lock(mailbox.key)
from (
    select distinct hashtextextended('opt-in mail to ' || asked.address, 0) as key
    from unnest(cast(:addresses as text[])) as asked (address)
    order by key
) as mailbox
