-- Give the codes of planned mails the terms that their mails show, after the mails got another shell. A personal code
-- stays what it is; the shop is told again what changed.
-- grain: one row per mail whose terms changed
-- shell_id bigint: the mails' present shell
-- look-back: planned mails of the shell
update message.offer_code
set
    code = coalesce(given.shared_code, case when offer_code.is_shared then message.new_code() else offer_code.code end),
    is_shared = given.shared_code is not null,
    kind = given.kind,
    percent = given.percent,
    amount = given.amount,
    currency = given.currency,
    gift = given.gift,
    minimum = given.minimum,
    only_once = given.only_once,
    valid_until = message.expires_at + given.valid_for,
    is_told = false
from message.message
inner join message.shell_offer as given on message.shell_id = given.shell_id
where
    message.shell_id = cast(:shell_id as bigint)
    and message.state = 'planned'
    and offer_code.enrollment_id = message.enrollment_id
    and offer_code.step = message.step
    and (
        offer_code.kind, offer_code.percent, offer_code.amount, offer_code.currency, offer_code.gift,
        offer_code.minimum, offer_code.only_once, offer_code.valid_until,
        case when offer_code.is_shared then offer_code.code end
    ) is distinct from (
        given.kind, given.percent, given.amount, given.currency, given.gift,
        given.minimum, given.only_once, message.expires_at + given.valid_for, given.shared_code
    )
