-- What feeds say of products that go together or are gone, and tables of what is bought together and sells well.
alter table source.product
add column complements text,
add column available_from timestamptz,
add column available_until timestamptz;
create index product_type_price on source.product (product_type, price);
create index product_available on source.product (available_from) where available_from is not null;

comment on column source.product.complements is 'Keys of products that go with it, with blanks or ; between them.';
comment on column source.product.available_from is 'When the shop began to sell it; null = it always did.';
comment on column source.product.available_until is 'When the shop stopped selling it; null = it still does.';

create table segment.basket (
    order_id text primary key,
    ordered_at timestamptz not null,
    product_ids text[] not null
);
create index basket_time on segment.basket (ordered_at);

comment on table segment.basket is
'What is counted of each order for recommendations, one row per order of the look-back that is not cancelled.';
comment on column segment.basket.order_id is 'Order.';
comment on column segment.basket.ordered_at is 'When it was placed.';
comment on column segment.basket.product_ids is 'Its products, each once, in the order of their keys.';

create table segment.product_orders (
    product_id text primary key,
    orders bigint not null check (orders > 0)
);

comment on table segment.product_orders is 'In how many counted baskets a product lies, one row per product.';
comment on column segment.product_orders.product_id is 'Product.';
comment on column segment.product_orders.orders is 'Baskets with it.';

create table segment.pair_orders (
    product_id text not null,
    other_product_id text not null check (other_product_id > product_id collate "C"),
    orders bigint not null check (orders > 0),
    primary key (product_id, other_product_id)
);

comment on table segment.pair_orders is
'In how many counted baskets two products lie together, one row per pair; product_pair has those that say something.';
comment on column segment.pair_orders.product_id is 'The product whose key comes first.';
comment on column segment.pair_orders.other_product_id is 'The other product.';
comment on column segment.pair_orders.orders is 'Baskets with both.';

create table segment.product_pair (
    product_id text not null,
    other_product_id text not null,
    orders bigint not null,
    support numeric not null,
    confidence numeric not null,
    lift numeric not null,
    place integer not null,
    as_of timestamptz not null,
    primary key (product_id, other_product_id)
);

comment on table segment.product_pair is
'Products that are really bought together, one row per product and other product; thresholds in decision 0081.';
comment on column segment.product_pair.product_id is 'Product that was bought.';
comment on column segment.product_pair.other_product_id is 'Product that is bought together with it.';
comment on column segment.product_pair.orders is 'Baskets with both.';
comment on column segment.product_pair.support is 'Share of all counted baskets that have both.';
comment on column segment.product_pair.confidence is
'Share of the baskets with the product that have the other one too.';
comment on column segment.product_pair.lift is
'Confidence divided by the share of all baskets that have the other product; above 1: more often than by chance.';
comment on column segment.product_pair.place is 'Rank among the pairs of the product, by confidence.';
comment on column segment.product_pair.as_of is 'Orders up to this moment count.';

create table segment.bestseller (
    kind text not null check (kind in ('all', 'category', 'product_type')),
    name text not null,
    currency text not null,
    place integer not null,
    product_id text not null,
    orders bigint not null,
    as_of timestamptz not null,
    primary key (kind, name, currency, place)
);

comment on table segment.bestseller is
'What sells best, one row per category or product type, currency and place. Gone and free products are not in it.';
comment on column segment.bestseller.kind is 'Of the whole shop, of a category or of a product type.';
comment on column segment.bestseller.name is 'Which category or product type; '''' = the whole shop.';
comment on column segment.bestseller.currency is 'ISO 4217 of the product''s price; '''' = the feed gives none.';
comment on column segment.bestseller.place is 'Rank, by orders.';
comment on column segment.bestseller.product_id is 'Product.';
comment on column segment.bestseller.orders is 'Counted baskets with it.';
comment on column segment.bestseller.as_of is 'Orders up to this moment count.';

create table segment.recommendation_refresh (
    is_only boolean primary key default true check (is_only),
    refreshed_at timestamptz not null,
    load_id bigint not null,
    rules_md5 text not null
);

comment on table segment.recommendation_refresh is 'How far the baskets are counted, one row.';
comment on column segment.recommendation_refresh.is_only is 'Always true: there is one row.';
comment on column segment.recommendation_refresh.refreshed_at is 'Orders up to this moment count.';
comment on column segment.recommendation_refresh.load_id is 'Last load whose rows are counted.';
comment on column segment.recommendation_refresh.rules_md5 is
'Checksum of what a basket is; another one counts all again.';

create table segment.recommendation_check (
    as_of timestamptz primary key,
    held_back_days integer not null,
    items integer not null,
    customers bigint not null,
    items_shown bigint not null,
    hits_together bigint not null,
    hits_bestsellers bigint not null,
    hit_rate_together numeric,
    hit_rate_bestsellers numeric,
    chosen text not null check (chosen in ('bought_together', 'bestseller')),
    because text not null
);

comment on table segment.recommendation_check is
'Whether pairs learned before the last days foretell what was bought in these days better than the category''s '
'bestsellers, one row per check. The newest decides.';
comment on column segment.recommendation_check.as_of is 'End of the days that were held back.';
comment on column segment.recommendation_check.held_back_days is 'How many days, of 24 hours.';
comment on column segment.recommendation_check.items is 'Products per customer at most.';
comment on column segment.recommendation_check.customers is
'Customers who ordered before and in the held-back days, and for whom pairs have at least one product.';
comment on column segment.recommendation_check.items_shown is 'Products in all; both ways have as many per customer.';
comment on column segment.recommendation_check.hits_together is 'Customers who bought one of the products of pairs.';
comment on column segment.recommendation_check.hits_bestsellers is 'Customers who bought one of the bestsellers.';
comment on column segment.recommendation_check.hit_rate_together is 'hits_together / customers; null = no customer.';
comment on column segment.recommendation_check.hit_rate_bestsellers is
'hits_bestsellers / customers; null = no customer.';
comment on column segment.recommendation_check.chosen is 'What complements are from this check on.';
comment on column segment.recommendation_check.because is 'better, not_better, or too_few customers to judge by.';

create table message.recommendation (
    enrollment_id bigint not null,
    step text not null,
    place integer not null,
    product_id text not null,
    why text not null check (
        why in ('declared', 'bought_together', 'upgrade', 'similar', 'bestseller', 'new')
    ),
    primary key (enrollment_id, step, place)
);

comment on table message.recommendation is
'Products that a mail recommends, one row per mail and place, as its last claim chose them.';
comment on column message.recommendation.enrollment_id is 'Enrollment of the mail.';
comment on column message.recommendation.step is 'Its step.';
comment on column message.recommendation.place is 'Place in the mail, from 1.';
comment on column message.recommendation.product_id is 'Product.';
comment on column message.recommendation.why is
'Which rule chose it: declared by the shop, bought together, the dearer one, similar, sells well, or new.';
