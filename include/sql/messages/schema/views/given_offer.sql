-- The codes that reached their customers: those of mails that the provider took.
create or replace view message.given_offer as
select
    offer_code.enrollment_id,
    offer_code.step,
    offer_code.campaign,
    offer_code.customer_id,
    offer_code.code,
    offer_code.is_shared,
    offer_code.kind,
    offer_code.percent,
    offer_code.amount,
    offer_code.currency,
    offer_code.gift,
    offer_code.minimum,
    offer_code.valid_from,
    offer_code.valid_until,
    message.accepted_at as given_at
from message.offer_code
inner join message.message on offer_code.enrollment_id = message.enrollment_id and offer_code.step = message.step
where message.accepted_at is not null and offer_code.withdrawn_at is null;

comment on view message.given_offer is 'Codes that reached their customers, one row per accepted mail with an offer.';
comment on column message.given_offer.enrollment_id is 'Series, with step the mail that gave the code.';
comment on column message.given_offer.step is 'Step.';
comment on column message.given_offer.campaign is 'Campaign that gave it.';
comment on column message.given_offer.customer_id is 'Whom it was given to.';
comment on column message.given_offer.code is 'The code a customer types.';
comment on column message.given_offer.is_shared is 'Whether all mails of the step show this code.';
comment on column message.given_offer.kind is 'percent, amount, free_shipping or gift.';
comment on column message.given_offer.percent is 'Discount, percent.';
comment on column message.given_offer.amount is 'Discount, in currency.';
comment on column message.given_offer.currency is 'ISO 4217, of amount and minimum.';
comment on column message.given_offer.gift is 'Word of the gift.';
comment on column message.given_offer.minimum is 'Smallest order it counts for, in currency.';
comment on column message.given_offer.valid_from is 'When its mail was planned.';
comment on column message.given_offer.valid_until is 'Last instant it is valid.';
comment on column message.given_offer.given_at is 'When the provider took the mail.';
