create schema segment;
comment on schema segment is 'Stage 2, segments: who belonged to which segment when.';

create table segment.membership (
    segment text not null,
    customer_id text not null,
    occurrence text not null,
    occurred_at timestamptz not null,
    context jsonb not null default '{}',
    entered_at timestamptz not null,
    left_at timestamptz
);
create unique index membership_open on segment.membership (segment, customer_id, occurrence) where left_at is null;
create unique index membership_entry on segment.membership (segment, customer_id, occurrence, entered_at);
create index membership_time on segment.membership (segment, entered_at, left_at);
-- Departures of a day are looked up by their time, not by reading the whole segment.
create index membership_left on segment.membership (segment, left_at) where left_at is not null;

comment on table segment.membership is
'Memberships as intervals [entered_at, left_at), one row per member, occurrence and stay.';
comment on column segment.membership.segment is
'Registry name, with parameters that are not the defaults: inactive(days=30).';
comment on column segment.membership.customer_id is 'Member.';
comment on column segment.membership.occurrence is 'Which time this is: cart id and change, order line, year…';
comment on column segment.membership.occurred_at is 'When the occurrence happened.';
comment on column segment.membership.context is 'Snapshot of what a mail needs: cart items, product…';
comment on column segment.membership.entered_at is 'First as_of at which the member was seen.';
comment on column segment.membership.left_at is 'First as_of at which the member was gone; null = still a member.';

create table segment.refresh (
    segment text primary key,
    refreshed_at timestamptz not null,
    load_id bigint,
    batch_id bigint,
    definition_md5 text,
    read_whole_at timestamptz
);

comment on table segment.refresh is 'How far each segment is known, one row per segment.';
comment on column segment.refresh.segment is 'Segment as in membership.';
comment on column segment.refresh.refreshed_at is 'Newest as_of that the intervals are known for.';
comment on column segment.refresh.load_id is 'Last load whose rows it knows; null = the next refresh reads everything.';
comment on column segment.refresh.batch_id is 'Last step of an ingest whose events it knows.';
comment on column segment.refresh.definition_md5 is 'Checksum of the select: another one reads everything.';
comment on column segment.refresh.read_whole_at is 'as_of of the last refresh that read everything.';

create table segment.moved_fact (
    customer_id text not null,
    load_id bigint not null
);
create index moved_fact_load on segment.moved_fact (load_id);

comment on table segment.moved_fact is 'Customers who lost a fact to another customer, one row per fact and load.';
comment on column segment.moved_fact.customer_id is 'Who had the fact before.';
comment on column segment.moved_fact.load_id is 'Load that moved it.';

create table segment.kept_value (
    attribute text not null,
    customer_id text not null,
    value text,
    changed_at timestamptz not null,
    primary key (attribute, customer_id)
);

comment on table segment.kept_value is
'Values of attributes that depend on other people, one row per attribute and customer who has or had one.';
comment on column segment.kept_value.attribute is 'Attribute as in include/sql/segments/attributes.';
comment on column segment.kept_value.customer_id is 'Customer.';
comment on column segment.kept_value.value is 'Value at the as_of of its attribute; null = none any more.';
comment on column segment.kept_value.changed_at is 'as_of of the refresh that found this value first.';

create table segment.kept_attribute (
    attribute text primary key,
    as_of timestamptz not null,
    load_id bigint not null,
    definition_md5 text not null
);

comment on table segment.kept_attribute is 'The moment that kept values are for, one row per attribute.';
comment on column segment.kept_attribute.attribute is 'Attribute as in include/sql/segments/attributes.';
comment on column segment.kept_attribute.as_of is 'Moment of the values.';
comment on column segment.kept_attribute.load_id is 'Last load whose rows they know.';
comment on column segment.kept_attribute.definition_md5 is 'Checksum of its select: another one computes all.';

create table segment.size_daily (
    day date not null,
    segment text not null,
    as_of timestamptz not null,
    members bigint not null,
    customers bigint not null,
    entered bigint not null,
    departed bigint not null,
    primary key (day, segment)
);

comment on table segment.size_daily is 'Sizes of segments, one row per UTC day and segment.';
comment on column segment.size_daily.day is 'UTC date of as_of.';
comment on column segment.size_daily.segment is 'Segment as in membership.';
comment on column segment.size_daily.as_of is 'Last as_of of that day.';
comment on column segment.size_daily.members is 'Memberships at as_of.';
comment on column segment.size_daily.customers is 'Distinct customers at as_of.';
comment on column segment.size_daily.entered is 'Entered during the day.';
comment on column segment.size_daily.departed is 'Left during the day.';

create table segment.request (
    request_id bigint generated always as identity primary key,
    segment text not null,
    version integer not null,
    rules text not null,
    rules_md5 text not null,
    note text,
    requested_at timestamptz not null,
    requested_by text not null,
    preview text,
    decision text check (decision in ('approved', 'rejected', 'replaced')),
    decided_at timestamptz,
    decided_by text,
    reason text,
    retired_at timestamptz,
    retired_by text,
    retired_because text,
    unique (segment, version),
    check ((decision is null) = (decided_at is null))
);
-- One version of a segment waits at a time: a later one replaces it.
create unique index request_waiting on segment.request (segment) where decision is null;

comment on table segment.request is
'Segments that were asked for as rules, one row per version; the newest approved version that is not retired runs.';
comment on column segment.request.request_id is 'One request.';
comment on column segment.request.segment is 'What the segment is called.';
comment on column segment.request.version is 'Counts the requests of the name from 1.';
comment on column segment.request.rules is 'The rules file as it was handed in (YAML).';
comment on column segment.request.rules_md5 is 'md5 of what the rules say, however they are written.';
comment on column segment.request.note is 'What the requester says of it.';
comment on column segment.request.requested_at is 'When it was asked for.';
comment on column segment.request.requested_by is 'Who asked.';
comment on column segment.request.preview is
'What the approver was shown (Markdown): counts and masked customers; emptied when it is decided.';
comment on column segment.request.decision is
'Approved, rejected, or replaced by a later version before it was decided; null = it waits.';
comment on column segment.request.decided_at is 'When.';
comment on column segment.request.decided_by is 'Who decided.';
comment on column segment.request.reason is 'Why, for those who look.';
comment on column segment.request.retired_at is 'When the segment was retired; it is not computed any more.';
comment on column segment.request.retired_by is 'Who retired it.';
comment on column segment.request.retired_because is 'Why.';

create table segment.replay_daily (
    segment text not null,
    version integer not null,
    day date not null,
    at timestamptz not null,
    members bigint not null,
    entered bigint not null,
    mails bigint not null,
    capped bigint not null,
    pressed bigint not null,
    primary key (segment, version, day)
);

comment on table segment.replay_daily is
'What a requested segment would have done, one row per version and UTC day: one mail to each who entered.';
comment on column segment.replay_daily.segment is 'Segment, as in segment.request.';
comment on column segment.replay_daily.version is 'Version, as in segment.request.';
comment on column segment.replay_daily.day is 'UTC date of at.';
comment on column segment.replay_daily.at is 'The moment that was judged, on facts timed up to it.';
comment on column segment.replay_daily.members is 'Customers inside.';
comment on column segment.replay_daily.entered is 'Customers who entered since the day before.';
comment on column segment.replay_daily.mails is
'Of these, who would have been mailed, with the permissions of the day of the replay.';
comment on column segment.replay_daily.capped is 'Of these, whose cap was full.';
comment on column segment.replay_daily.pressed is
'Of these, who may be mailed and got 10 mails or more in the 30 days before.';

create table segment.audience_export (
    export_id bigint generated always as identity primary key,
    segment text not null,
    network text not null,
    as_of timestamptz not null,
    exported_at timestamptz not null,
    exported_by text not null,
    addresses bigint not null,
    added bigint not null,
    removed bigint not null
);

comment on table segment.audience_export is
'Exports of segments to advertising networks, one row per export: who gave how many hashed addresses away.';
comment on column segment.audience_export.export_id is 'One export; the names of its files have it.';
comment on column segment.audience_export.segment is 'Segment, as in membership.';
comment on column segment.audience_export.network is 'Whose rule of spelling the addresses follow.';
comment on column segment.audience_export.as_of is 'The moment whose members were exported.';
comment on column segment.audience_export.exported_at is 'When.';
comment on column segment.audience_export.exported_by is 'Who exported.';
comment on column segment.audience_export.addresses is 'Addresses in the whole audience.';
comment on column segment.audience_export.added is 'Addresses that the export before did not have.';
comment on column segment.audience_export.removed is 'Addresses that only the export before had.';

create table segment.audience_member (
    segment text not null,
    network text not null,
    address_sha256 bytea not null,
    export_id bigint not null,
    primary key (segment, network, address_sha256)
);
create index audience_member_address on segment.audience_member (address_sha256);

comment on table segment.audience_member is
'What a network has now, one row per address; an erased address stays until the next export takes it out.';
comment on column segment.audience_member.segment is 'Segment, as in membership.';
comment on column segment.audience_member.network is 'Whose rule of spelling the address follows.';
comment on column segment.audience_member.address_sha256 is 'SHA-256 of the address as the network spells it.';
comment on column segment.audience_member.export_id is 'Export that added it.';

create table segment.stage_daily (
    day date not null,
    from_stage text not null,
    to_stage text not null,
    customers bigint not null,
    as_of timestamptz not null,
    primary key (day, from_stage, to_stage)
);

comment on table segment.stage_daily is
'Lifecycle stages at the beginning and at the end of each UTC day, one row per day, from_stage and to_stage.';
comment on column segment.stage_daily.day is 'UTC date.';
comment on column segment.stage_daily.from_stage is
'Stage when the day began (attribute lifecycle_stage); outside = the customer was not there yet.';
comment on column segment.stage_daily.to_stage is
'Stage when the day ended: from_stage = no transition; outside = the customer was erased during the day.';
comment on column segment.stage_daily.customers is 'Customers who went that way, or stayed.';
comment on column segment.stage_daily.as_of is 'Time at which it was counted; facts that came later are not in it.';

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
