-- Every mail with an offer has a code of its own, which the shop is told and orders name.
create table message.offer_code (
    enrollment_id bigint not null,
    step text not null,
    message_id uuid not null,
    campaign text not null,
    customer_id text not null,
    code text not null,
    is_shared boolean not null default false,
    kind text not null check (kind in ('percent', 'amount', 'free_shipping', 'gift')),
    percent numeric(6, 3),
    amount numeric(14, 4),
    currency text,
    gift text,
    minimum numeric(14, 4),
    only_once boolean not null default false,
    valid_from timestamptz not null,
    valid_until timestamptz not null,
    is_told boolean not null default false,
    exported_at timestamptz,
    withdrawn_at timestamptz,
    primary key (enrollment_id, step)
);
create unique index offer_code_personal on message.offer_code (upper(code)) where not is_shared;
create index offer_code_shared on message.offer_code (upper(code), customer_id) where is_shared;
create index offer_code_customer on message.offer_code (customer_id);
create index offer_code_new on message.offer_code (enrollment_id) where not is_told;
create index offer_code_end on message.offer_code (valid_until);

comment on table message.offer_code is
'Codes of offers given out, one row per mail with an offer; written together with the mail.';
comment on column message.offer_code.enrollment_id is 'Series, with step the mail that shows the code first.';
comment on column message.offer_code.step is 'Step.';
comment on column message.offer_code.message_id is 'The mail.';
comment on column message.offer_code.campaign is 'Campaign that gave it.';
comment on column message.offer_code.customer_id is 'Whom it was given to.';
comment on column message.offer_code.code is 'The code a customer types: a random one of the mail, or the shared one.';
comment on column message.offer_code.is_shared is 'Whether all mails of the step show this code.';
comment on column message.offer_code.kind is 'percent, amount, free_shipping or gift.';
comment on column message.offer_code.percent is 'Discount, percent.';
comment on column message.offer_code.amount is 'Discount, in currency.';
comment on column message.offer_code.currency is 'ISO 4217, of amount and minimum.';
comment on column message.offer_code.gift is 'Word of the gift.';
comment on column message.offer_code.minimum is 'Smallest order it counts for, in currency.';
comment on column message.offer_code.only_once is 'Whether it works for one order alone.';
comment on column message.offer_code.valid_from is 'When its mail was planned.';
comment on column message.offer_code.valid_until is
'Last instant it is valid: the last moment its mail may go, plus the valid hours of the offer.';
comment on column message.offer_code.is_told is
'Whether the shop knows what stands here; the next export tells the rest.';
comment on column message.offer_code.exported_at is 'When the shop was last told about it; null = never.';
comment on column message.offer_code.withdrawn_at is 'When its mail ended without being sent; null = it holds.';

-- An order names a code in any case.
create index orders_offer on source.orders (upper(btrim(offer_code))) where offer_code is not null;

-- Mails that are planned already show a code too when they go.
insert into message.offer_code (
    enrollment_id, step, message_id, campaign, customer_id, code, is_shared, kind, percent, valid_from, valid_until
)
select
    message.enrollment_id,
    message.step,
    message.message_id,
    message.campaign,
    message.customer_id,
    coalesce(shell.offer ->> 'code', translate(
        substr(made.hex, 1, 5) || '-' || substr(made.hex, 6, 5) || '-' || substr(made.hex, 11, 2)
        || substr(made.hex, 18, 3) || '-' || substr(made.hex, 21, 5),
        '0123456789abcdef', 'CDFHJKMNPRTWXY47'
    )) as code,
    shell.offer ->> 'code' is not null as is_shared,
    'percent' as kind,
    cast(shell.offer ->> 'percent' as numeric) as percent,
    message.planned_at as valid_from,
    message.expires_at + cast(shell.offer ->> 'valid_hours' as numeric) * interval '1 hour' as valid_until
from message.message
inner join message.shell on message.shell_id = shell.shell_id
cross join
    lateral (select replace(cast(gen_random_uuid() as text), '-', '') as hex where message.step is not null) as made
where message.state = 'planned' and cast(shell.offer ->> 'percent' as numeric) is not null;
