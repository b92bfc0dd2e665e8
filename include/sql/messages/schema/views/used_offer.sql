-- Every use of a personal offer: what the feed of offers reports, and what orders report about the codes we gave out.
create or replace view message.used_offer as
select
    offer.customer_id,
    offer.campaign,
    offer.redeemed_at
from source.offer
where offer.customer_id is not null and offer.redeemed_at is not null
union all
select
    redeemed_offer.customer_id,
    redeemed_offer.campaign,
    redeemed_offer.redeemed_at
from message.redeemed_offer;

comment on view message.used_offer is
'Uses of offers, by the customer they were given to; one that both the feed and an order tell is there twice.';
comment on column message.used_offer.customer_id is 'Whom the offer was given to.';
comment on column message.used_offer.campaign is 'Campaign that gave it; null = the feed names none.';
comment on column message.used_offer.redeemed_at is 'When it was used.';
