-- The codes given out that orders name. A personal code is used once, by the first order that names it, of any
-- customer. A shared code is used by the first order of each customer who was mailed it, placed until its end. The case
-- of the code and blanks around it do not matter. A cancelled order uses nothing; a refunded one did.
create or replace view message.redeemed_offer as
select
    given.enrollment_id,
    given.step,
    given.campaign,
    given.customer_id,
    given.code,
    given.is_shared,
    orders.order_id,
    orders.customer_id as redeemed_by,
    orders.ordered_at as redeemed_at
from message.offer_code as given
inner join source.orders on upper(given.code) = upper(btrim(orders.offer_code))
where
    not given.is_shared
    and orders.status <> 'cancelled'
    and orders.ordered_at >= given.valid_from
    and not exists (
        select 1
        from source.orders as earlier
        where
            upper(btrim(earlier.offer_code)) = upper(given.code)
            and earlier.status <> 'cancelled'
            and earlier.ordered_at >= given.valid_from
            and (earlier.ordered_at, earlier.order_id) < (orders.ordered_at, orders.order_id)
    )
union all
select
    given.enrollment_id,
    given.step,
    given.campaign,
    given.customer_id,
    given.code,
    given.is_shared,
    orders.order_id,
    orders.customer_id as redeemed_by,
    orders.ordered_at as redeemed_at
from message.offer_code as given
inner join message.message on given.enrollment_id = message.enrollment_id and given.step = message.step
inner join source.orders on given.customer_id = orders.customer_id
where
    given.is_shared
    and upper(given.code) = upper(btrim(orders.offer_code))
    and orders.status <> 'cancelled'
    and orders.ordered_at between message.accepted_at and given.valid_until
    and not exists (
        select 1
        from source.orders as earlier
        where
            earlier.customer_id = given.customer_id
            and upper(btrim(earlier.offer_code)) = upper(given.code)
            and earlier.status <> 'cancelled'
            and earlier.ordered_at >= message.accepted_at
            and (earlier.ordered_at, earlier.order_id) < (orders.ordered_at, orders.order_id)
    );

comment on view message.redeemed_offer is 'Codes given out that were used, one row per mail whose code was used.';
comment on column message.redeemed_offer.enrollment_id is 'Series, with step the mail that gave the code.';
comment on column message.redeemed_offer.step is 'Step.';
comment on column message.redeemed_offer.campaign is 'Campaign that gave it.';
comment on column message.redeemed_offer.customer_id is 'Whom it was given to.';
comment on column message.redeemed_offer.code is 'The code as it was given.';
comment on column message.redeemed_offer.is_shared is 'Whether all mails of the step show this code.';
comment on column message.redeemed_offer.order_id is 'The order that used it.';
comment on column message.redeemed_offer.redeemed_by is 'Who ordered; another customer may have got a personal code.';
comment on column message.redeemed_offer.redeemed_at is 'When the order was placed.';
