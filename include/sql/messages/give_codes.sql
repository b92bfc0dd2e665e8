-- Give a code to each planned mail with an offer that has none, in the transaction that writes the mail. What is random
-- is kept, so the same mail shows the same code however often it is written, claimed or shown.
-- grain: one row per mail
-- shell_ids bigint[]; half 0, 1: the partitions of even or odd number (null = all)
-- look-back: planned mails of these shells
insert into message.offer_code (
    enrollment_id, step, message_id, campaign, customer_id, code, is_shared,
    kind, percent, amount, currency, gift, minimum, only_once, valid_from, valid_until
)
select
    message.enrollment_id,
    message.step,
    message.message_id,
    message.campaign,
    message.customer_id,
    coalesce(given.shared_code, message.new_code()) as code,
    given.shared_code is not null as is_shared,
    given.kind,
    given.percent,
    given.amount,
    given.currency,
    given.gift,
    given.minimum,
    given.only_once,
    message.planned_at as valid_from,
    message.expires_at + given.valid_for as valid_until
from message.message
inner join message.shell_offer as given on message.shell_id = given.shell_id
where
    message.state = 'planned'
    and message.shell_id = any(cast(:shell_ids as bigint[]))
    and (
        cast(:half as integer) is null
        or satisfies_hash_partition(
            cast('message.message' as regclass), 2, cast(:half as integer), message.enrollment_id
        )
    )
    and not exists (
        select 1 from message.offer_code as known
        where known.enrollment_id = message.enrollment_id and known.step = message.step
    )
on conflict (enrollment_id, step) do nothing
