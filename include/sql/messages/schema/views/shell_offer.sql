-- The offer that mails of a shell give, in columns. A mail that shows the code of an earlier step gives none.
create or replace view message.shell_offer as
select
    shell.shell_id,
    case
        when shell.offer ->> 'percent' is not null then 'percent'
        when shell.offer ->> 'amount' is not null then 'amount'
        when shell.offer ->> 'gift' is not null then 'gift'
        else 'free_shipping'
    end as kind,
    cast(shell.offer ->> 'percent' as numeric(6, 3)) as percent,
    cast(shell.offer ->> 'amount' as numeric(14, 4)) as amount,
    shell.offer ->> 'currency' as currency,
    shell.offer ->> 'gift' as gift,
    cast(shell.offer ->> 'minimum' as numeric(14, 4)) as minimum,
    coalesce(cast(shell.offer ->> 'only_once' as boolean), false) as only_once,
    shell.offer ->> 'code' as shared_code,
    cast(shell.offer ->> 'valid_hours' as double precision) * interval '1 hour' as valid_for
from message.shell
where jsonb_typeof(shell.offer) = 'object' and shell.offer ->> 'of' is null;

comment on view message.shell_offer is 'Offers that mails give, one row per shell with an offer of its own.';
comment on column message.shell_offer.shell_id is 'Shared part of the mails.';
comment on column message.shell_offer.kind is 'percent, amount, free_shipping or gift.';
comment on column message.shell_offer.percent is 'Discount, percent.';
comment on column message.shell_offer.amount is 'Discount, in currency.';
comment on column message.shell_offer.currency is 'ISO 4217, of amount and minimum.';
comment on column message.shell_offer.gift is 'Word of the gift.';
comment on column message.shell_offer.minimum is 'Smallest order it counts for, in currency.';
comment on column message.shell_offer.only_once is 'Whether it works for one order alone.';
comment on column message.shell_offer.shared_code is 'The code that all mails show; null = each has its own.';
comment on column message.shell_offer.valid_for is 'How long it holds after the last moment its mail may go.';
