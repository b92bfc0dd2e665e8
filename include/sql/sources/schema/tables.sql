create schema source;
comment on schema source is
'Stage 1, sources: the shop''s facts as the feeds report them, what was refused and why, one activity row per '
'customer.';

create table source.load (
    load_id bigint generated always as identity primary key,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    counts jsonb not null default '{}'
);

comment on table source.load is 'Runs of `load`, one row per run.';
comment on column source.load.load_id is 'One run of `load`.';
comment on column source.load.started_at is 'When the load began.';
comment on column source.load.finished_at is 'When it was committed.';
comment on column source.load.counts is 'Rows loaded and rejected, by feed.';

create table source.newest_fact (
    feed text primary key,
    happened_at timestamptz not null
);

comment on table source.newest_fact is 'When the newest fact of a feed happened, one row per feed.';
comment on column source.newest_fact.feed is 'Feed.';
comment on column source.newest_fact.happened_at is
'Newest time in the columns that the feed''s file names under dated_by; a time ahead of its load is left out.';

create table source.customer (
    customer_id text primary key,
    email text,
    address text generated always as (lower(email)) stored,
    created_at timestamptz not null,
    first_name text,
    last_name text,
    locale text,
    timezone text,
    country text,
    currency text,
    birthday date,
    signup_source text,
    permission text not null default 'none' check (permission in ('none', 'pending', 'confirmed', 'withdrawn')),
    permission_at timestamptz,
    erased_at timestamptz,
    load_id bigint not null,
    first_load_id bigint not null default 0,
    region text,
    city text,
    tier text,
    check (email is not null or erased_at is not null)
);
create index customer_address on source.customer (address);
create index customer_erased on source.customer (customer_id) where erased_at is not null;
-- The exit `unsubscribed` asks for one customer. Without this index the answer "no" would read the whole row.
create index customer_withdrawn on source.customer (customer_id) where permission = 'withdrawn';

comment on table source.customer is 'Customers as the newest feed reports them, one row per customer.';
comment on column source.customer.customer_id is 'The shop''s key.';
comment on column source.customer.email is 'Address as given, its domain as punycode; null only after erasure.';
comment on column source.customer.address is 'Address as compared: lower case.';
comment on column source.customer.created_at is 'Sign-up.';
comment on column source.customer.first_name is 'Given name.';
comment on column source.customer.last_name is 'Family name.';
comment on column source.customer.locale is 'BCP 47, e.g. en-GB.';
comment on column source.customer.timezone is
'IANA zone as the feed says it; null = those of the country, else the default zone (source.recipient).';
comment on column source.customer.country is 'ISO 3166-1 alpha-2, upper case.';
comment on column source.customer.currency is 'ISO 4217, upper case.';
comment on column source.customer.birthday is
'Date of birth; year 4 = only month and day are known (year 4 has a 29 February).';
comment on column source.customer.signup_source is 'Where the customer came from.';
comment on column source.customer.permission is 'The permission that stands by the consent log.';
comment on column source.customer.permission_at is 'When that permission was given or withdrawn.';
comment on column source.customer.erased_at is 'Set by erasure; personal columns are null then.';
comment on column source.customer.load_id is 'Load that last wrote the row.';
comment on column source.customer.first_load_id is
'Load that brought the customer first; 0 = known since before migration 0032.';
comment on column source.customer.region is 'Region, state or province, as the feed writes it.';
comment on column source.customer.city is 'City, as the feed writes it.';
comment on column source.customer.tier is 'Tier of the shop''s loyalty programme, as the feed writes it.';

create table source.permission_change (
    customer_id text not null,
    permission text not null check (permission in ('none', 'pending', 'confirmed', 'withdrawn', 'lifted')),
    permission_at timestamptz not null,
    origin text not null,
    load_id bigint,
    recorded_at timestamptz not null default now(),
    address text,
    permission_wording text,
    permission_source text,
    unique (customer_id, permission_at, permission, origin, address)
);
-- A mailbox is asked who withdrew at it, and who said yes there: few did.
create index permission_change_no on source.permission_change (address, customer_id)
where permission = 'withdrawn' and origin not in ('sunset', 'erasure');
create index permission_change_yes on source.permission_change (address, permission_at)
where permission in ('confirmed', 'lifted') and origin <> 'feed';

comment on table source.permission_change is
'The log of consent, one row each time something was said. Only an erasure changes rows, and a feed that brings the '
'proof of an entry later.';
comment on column source.permission_change.customer_id is
'Whose permission; empty = a refused row said it of an address that no customer holds.';
comment on column source.permission_change.permission is
'What was said; lifted = an operator''s yes at the mailbox, which ends withdrawals there and permits nothing.';
comment on column source.permission_change.permission_at is 'When it was said.';
comment on column source.permission_change.origin is
'Feed, feed_resubscribing (a yes for which the shop asked again), unsubscribe, preference_centre, operator, sunset…';
comment on column source.permission_change.load_id is 'Load that brought it, if a feed did.';
comment on column source.permission_change.recorded_at is 'When it was written here.';
comment on column source.permission_change.address is
'Mailbox at which it was said, lower case; null = not known, or taken out by an erasure.';
comment on column source.permission_change.permission_wording is
'Proof: the words that the person agreed to or refused, as the feed quotes them; emptied by an erasure.';
comment on column source.permission_change.permission_source is
'Proof: the place of it (a form, a page, a till), as the feed says it; emptied by an erasure.';

-- What a row of the feed repeats is no news: without this, an old export would say again what was taken back since.
create table source.feed_word (
    customer_id text not null,
    address text not null default '',
    permission text not null,
    permission_at timestamptz,
    unique nulls not distinct (customer_id, address, permission, permission_at)
);

comment on table source.feed_word is
'What the feed said about permission in the last load that named a customer, one row per customer and word.';
comment on column source.feed_word.customer_id is 'Of whom it was said, as in source.permission_change.';
comment on column source.feed_word.address is 'The mailbox, if no customer is named; else empty.';
comment on column source.feed_word.permission is 'What was said.';
comment on column source.feed_word.permission_at is 'The time that the feed gave; null = it gave none.';

create table source.former_address (
    customer_id text not null,
    address text not null,
    replaced_at timestamptz not null default now(),
    held_from timestamptz,
    recorded_at timestamptz not null default now(),
    primary key (customer_id, address, replaced_at)
);
create index former_address_address on source.former_address (address);

comment on table source.former_address is
'Addresses a customer had before, one row per customer, address and time of holding it.';
comment on column source.former_address.customer_id is 'Whose address it was.';
comment on column source.former_address.address is 'The address, lower case; removed by erasure.';
comment on column source.former_address.replaced_at is 'Time of the load that brought another one.';
comment on column source.former_address.held_from is
'Since when the customer had it: sign-up, or the load that brought it; null = not known, as if for ever.';
comment on column source.former_address.recorded_at is
'When it was written here: tells which came first, a move or a word of the same instant.';

create table source.erased_address (
    address_hash bytea primary key,
    erased_at timestamptz not null,
    load_id bigint not null default 0
);

comment on table source.erased_address is
'Addresses of erased people as keyed hashes, one row per address: only a customer who was known before is loaded with '
'one.';
comment on column source.erased_address.address_hash is 'Keyed hash of the erased address.';
comment on column source.erased_address.erased_at is 'When; the newest time if several people had the address.';
comment on column source.erased_address.load_id is
'Newest load before the newest erasure at this address: a customer whose first_load_id is later is not loaded with it.';

create table source.product (
    product_id text primary key,
    name text not null,
    product_type text,
    category text,
    price numeric(14, 4),
    currency text,
    is_consumable boolean not null default false,
    units_per_pack numeric(14, 4),
    daily_use numeric(14, 4),
    delivery_days numeric(8, 2),
    goods_kind text check (goods_kind in ('soft', 'hard')),
    upgrade_product_id text,
    url text,
    image_url text,
    load_id bigint not null,
    complements text,
    available_from timestamptz,
    available_until timestamptz
);
create index product_type_price on source.product (product_type, price);
create index product_available on source.product (available_from) where available_from is not null;

comment on table source.product is 'Products, one row per product.';
comment on column source.product.product_id is 'The shop''s key.';
comment on column source.product.name is 'As customers know it.';
comment on column source.product.product_type is 'Kind of product; rhythm of repurchase is learned per type.';
comment on column source.product.category is 'Department.';
comment on column source.product.price is 'List price, in currency.';
comment on column source.product.currency is 'ISO 4217.';
comment on column source.product.is_consumable is 'Used up, and so replenished.';
comment on column source.product.units_per_pack is 'Units in one pack.';
comment on column source.product.daily_use is 'Units that a customer uses per day.';
comment on column source.product.delivery_days is 'Days from order to arrival.';
comment on column source.product.goods_kind is 'Soft or hard goods.';
comment on column source.product.upgrade_product_id is 'Product to upgrade to.';
comment on column source.product.url is 'Product page.';
comment on column source.product.image_url is 'Picture.';
comment on column source.product.load_id is 'Load that last wrote the row.';
comment on column source.product.complements is 'Keys of products that go with it, with blanks or ; between them.';
comment on column source.product.available_from is 'When the shop began to sell it; null = it always did.';
comment on column source.product.available_until is 'When the shop stopped selling it; null = it still does.';

create table source.orders (
    order_id text primary key,
    customer_id text not null,
    ordered_at timestamptz not null,
    total numeric(14, 4) not null check (total >= 0),
    currency text,
    cart_id text,
    delivered_at timestamptz,
    offer_code text,
    status text not null default 'placed' check (status in ('placed', 'cancelled', 'refunded')),
    load_id bigint not null
);
create index orders_customer on source.orders (customer_id, ordered_at) include (order_id, status);
create index orders_load on source.orders (load_id);
-- Facts of an hour are found by their time, whenever they were loaded.
create index orders_time on source.orders (ordered_at);
-- A cart is closed by the order that names it, also if a guest placed it.
create index orders_cart on source.orders (cart_id) where cart_id is not null;
-- An order names a code in any case.
create index orders_offer on source.orders (upper(btrim(offer_code))) where offer_code is not null;

comment on table source.orders is 'Orders, one row per order; a cancelled order never counts.';
comment on column source.orders.order_id is 'The shop''s key.';
comment on column source.orders.customer_id is 'Who ordered.';
comment on column source.orders.ordered_at is 'When.';
comment on column source.orders.total is 'Order total, in currency.';
comment on column source.orders.currency is 'ISO 4217.';
comment on column source.orders.cart_id is 'Cart it came from, and closes.';
comment on column source.orders.delivered_at is 'When the goods arrived.';
comment on column source.orders.offer_code is 'Offer redeemed.';
comment on column source.orders.status is
'A cancelled order never counts; what a refunded one brought went back, so it neither runs out nor was bought again.';
comment on column source.orders.load_id is 'Load that last wrote the row.';

create table source.order_line (
    order_id text not null,
    line_no integer not null,
    product_id text not null,
    quantity numeric(14, 4) not null check (quantity >= 0),
    unit_price numeric(14, 4) not null check (unit_price >= 0),
    load_id bigint not null,
    primary key (order_id, line_no)
);
create index order_line_product on source.order_line (product_id);
create index order_line_load on source.order_line using brin (load_id);

comment on table source.order_line is 'What was bought, one row per order and line.';
comment on column source.order_line.order_id is 'Order.';
comment on column source.order_line.line_no is 'Line in the order.';
comment on column source.order_line.product_id is 'Product bought.';
comment on column source.order_line.quantity is 'Packs bought.';
comment on column source.order_line.unit_price is 'Price per pack, in the order''s currency.';
comment on column source.order_line.load_id is 'Load that last wrote the row.';

create table source.cart (
    cart_id text primary key,
    customer_id text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    status text not null check (status in ('open', 'ordered', 'emptied', 'unreadable')),
    url text,
    load_id bigint not null,
    currency text
);
create index cart_customer on source.cart (customer_id, updated_at);
create index cart_open on source.cart (updated_at) where status = 'open';

comment on table source.cart is 'Carts in their latest state, one row per cart.';
comment on column source.cart.cart_id is 'The shop''s key.';
comment on column source.cart.customer_id is 'Whose cart.';
comment on column source.cart.created_at is 'First item.';
comment on column source.cart.updated_at is 'Last change; only the latest state is kept.';
comment on column source.cart.status is
'Latest state; unreadable = the newest row of an open cart was refused (source.rejected has it), and the cart is not '
'mailed until a row that can be read says what it is.';
comment on column source.cart.url is 'Link back to the cart.';
comment on column source.cart.load_id is 'Load that last wrote the row.';
comment on column source.cart.currency is
'ISO 4217, of the prices of its lines; null = each line is in its own currency, else its product''s.';

create table source.cart_line (
    cart_id text not null,
    product_id text not null,
    quantity numeric(14, 4) not null check (quantity >= 0),
    unit_price numeric(14, 4) not null check (unit_price >= 0),
    load_id bigint not null,
    line_no integer not null default 0,
    currency text,
    primary key (cart_id, product_id, line_no)
);

comment on table source.cart_line is
'What lies in a cart now, one row per cart, product and line: a product may be there twice with other options.';
comment on column source.cart_line.cart_id is 'Cart.';
comment on column source.cart_line.product_id is 'Product in it.';
comment on column source.cart_line.quantity is 'Packs; a line of 0 does not count.';
comment on column source.cart_line.unit_price is 'Price per pack.';
comment on column source.cart_line.load_id is 'Load that last wrote the row.';
comment on column source.cart_line.line_no is
'Number of the line; if the feed gives none, the lines of one product are counted from 0 in the order of the file.';
comment on column source.cart_line.currency is 'ISO 4217, of the price; null = the cart''s, else the product''s.';

create table source.page_view (
    view_id text primary key,
    customer_id text not null,
    viewed_at timestamptz not null,
    product_id text,
    topic text,
    seconds_on_page numeric(10, 2) check (seconds_on_page >= 0),
    load_id bigint not null
);
create index page_view_customer on source.page_view (customer_id, viewed_at);
-- Facts that may reach a goal are found by the load that brought them.
create index page_view_load on source.page_view using brin (load_id);
create index page_view_time on source.page_view using brin (viewed_at);

comment on table source.page_view is 'Visits of pages, one row per view.';
comment on column source.page_view.view_id is 'The shop''s key.';
comment on column source.page_view.customer_id is 'Who looked.';
comment on column source.page_view.viewed_at is 'When.';
comment on column source.page_view.product_id is 'Product, if it is a product page.';
comment on column source.page_view.topic is 'Topic, if it is a topic page.';
comment on column source.page_view.seconds_on_page is 'Time on the page.';
comment on column source.page_view.load_id is 'Load that last wrote the row.';

create table source.lead_action (
    action_id text primary key,
    customer_id text not null,
    kind text not null,
    subject text,
    acted_at timestamptz not null,
    load_id bigint not null
);
create index lead_action_customer on source.lead_action (customer_id, acted_at);

comment on table source.lead_action is 'What leads did (subscribed, downloaded, registered…), one row per action.';
comment on column source.lead_action.action_id is 'The shop''s key.';
comment on column source.lead_action.customer_id is 'Who acted.';
comment on column source.lead_action.kind is 'Subscribe, download, webinar, event, feature_use…';
comment on column source.lead_action.subject is 'What it was about.';
comment on column source.lead_action.acted_at is 'When.';
comment on column source.lead_action.load_id is 'Load that last wrote the row.';

create table source.review (
    review_id text primary key,
    customer_id text not null,
    product_id text not null,
    order_id text,
    rating numeric(4, 2) not null,
    reviewed_at timestamptz not null,
    load_id bigint not null
);
create index review_customer on source.review (customer_id, reviewed_at);
create index review_load on source.review using brin (load_id);

comment on table source.review is 'Reviews, one row per review.';
comment on column source.review.review_id is 'The shop''s key.';
comment on column source.review.customer_id is 'Who wrote it.';
comment on column source.review.product_id is 'About what.';
comment on column source.review.order_id is 'Bought with.';
comment on column source.review.rating is 'As given.';
comment on column source.review.reviewed_at is 'When.';
comment on column source.review.load_id is 'Load that last wrote the row.';

create table source.referral (
    referral_id text primary key,
    customer_id text not null,
    referred_customer_id text,
    referred_at timestamptz not null,
    load_id bigint not null,
    ordered_at timestamptz
);
create index referral_customer on source.referral (customer_id, referred_at);
create index referral_referred on source.referral (referred_customer_id) where referred_customer_id is not null;

comment on table source.referral is 'Referrals, one row per referral.';
comment on column source.referral.referral_id is 'Key of the referral.';
comment on column source.referral.customer_id is 'Who referred.';
comment on column source.referral.referred_customer_id is 'The friend, once known; emptied by the friend''s erasure.';
comment on column source.referral.referred_at is 'When.';
comment on column source.referral.load_id is 'Load that last wrote the row.';
comment on column source.referral.ordered_at is 'First order of the friend; null = none yet.';

create table source.offer (
    offer_code text primary key,
    customer_id text,
    campaign text,
    percent numeric(6, 3) check (percent >= 0 and percent <= 100),
    valid_from timestamptz not null,
    valid_until timestamptz not null,
    redeemed_at timestamptz,
    load_id bigint not null,
    kind text check (kind in ('percent', 'amount', 'free_shipping', 'gift')),
    amount numeric(14, 4) check (amount >= 0),
    currency text
);
create index offer_customer on source.offer (customer_id);
create index offer_load on source.offer using brin (load_id);

comment on table source.offer is 'Offers and their use, one row per offer code.';
comment on column source.offer.offer_code is 'The code a customer types.';
comment on column source.offer.customer_id is 'Whose personal offer; null = everyone''s.';
comment on column source.offer.campaign is 'Campaign that gave it.';
comment on column source.offer.percent is 'Discount, percent.';
comment on column source.offer.valid_from is 'First instant it is valid.';
comment on column source.offer.valid_until is 'Last instant it is valid.';
comment on column source.offer.redeemed_at is 'When it was used.';
comment on column source.offer.load_id is 'Load that last wrote the row.';
comment on column source.offer.kind is 'percent, amount, free_shipping or gift; null = the feed does not say.';
comment on column source.offer.amount is 'Discount, in currency.';
comment on column source.offer.currency is 'ISO 4217, of the amount; null = it names none.';

create table source.rejected (
    rejected_id bigint generated always as identity primary key,
    load_id bigint not null references source.load,
    feed text not null,
    file text not null,
    line bigint,
    customer_id text,
    reason text not null,
    detail text,
    row_text text,
    row_md5 text not null,
    rejected_at timestamptz not null default now(),
    is_loaded boolean not null default false,
    unique nulls not distinct (feed, file, line, reason, row_md5)
);
create index rejected_load on source.rejected (load_id);
create index rejected_customer on source.rejected (customer_id);
create index rejected_erased on source.rejected (customer_id) where reason = 'erased' and feed = 'customers';

comment on table source.rejected is 'Feed rows that break the contract, one row per refused row and reason.';
comment on column source.rejected.rejected_id is 'One refused row.';
comment on column source.rejected.load_id is 'Load that refused it first.';
comment on column source.rejected.feed is 'Customers, orders…';
comment on column source.rejected.file is 'File name.';
comment on column source.rejected.line is 'Line of a text file or row of another file, from 1; null = the whole file.';
comment on column source.rejected.customer_id is
'Customer of the row, if it could be read: erasure finds the row by it.';
comment on column source.rejected.reason is 'Named reason, e.g. negative_quantity.';
comment on column source.rejected.detail is 'What was wrong, without the row''s personal values.';
comment on column source.rejected.row_text is 'The row as it came.';
comment on column source.rejected.row_md5 is 'md5 of row_text: a second load of the file adds nothing.';
comment on column source.rejected.rejected_at is 'When.';
comment on column source.rejected.is_loaded is
'The row was loaded without the values of the columns that detail names; false = the whole row was refused.';

create table source.customer_activity (
    customer_id text primary key,
    first_order_at timestamptz,
    last_order_at timestamptz,
    order_count bigint not null default 0,
    last_view_at timestamptz,
    last_open_at timestamptz,
    last_click_at timestamptz,
    last_activity_at timestamptz generated always as (
        greatest(last_order_at, last_view_at, last_open_at, last_click_at)
    ) stored
);
create index customer_activity_last on source.customer_activity (last_activity_at);

comment on table source.customer_activity is
'First and newest facts, one row per customer with any; each load updates what it changed.';
comment on column source.customer_activity.customer_id is 'One row per customer with any fact.';
comment on column source.customer_activity.first_order_at is 'First order that was not cancelled.';
comment on column source.customer_activity.last_order_at is 'Last order that was not cancelled.';
comment on column source.customer_activity.order_count is 'Orders that were not cancelled.';
comment on column source.customer_activity.last_view_at is 'Last page view.';
comment on column source.customer_activity.last_open_at is 'Last human open.';
comment on column source.customer_activity.last_click_at is 'Last human click.';
comment on column source.customer_activity.last_activity_at is
'Newest of the four: the row decides for an as_of at or after it.';

create table source.supply (
    customer_id text not null,
    basis text not null check (basis in ('declared', 'rhythm')),
    item text not null,
    order_id text not null,
    line_no integer not null,
    ordered_at timestamptz not null,
    quantity numeric not null,
    newest_at timestamptz not null,
    runs_out_at timestamptz not null,
    reorder_at timestamptz not null,
    primary key (customer_id, basis, item)
);
create index supply_reorder on source.supply (reorder_at);
create index supply_newest on source.supply (newest_at);

comment on table source.supply is
'Consumables that customers have at home, one row per (customer, basis, item); equals source.supply_at(infinity) for '
'every customer who is not in source.supply_change.';
comment on column source.supply.customer_id is 'Who bought.';
comment on column source.supply.basis is
'declared: by the product''s daily use; rhythm: by the customer''s own intervals for the product type.';
comment on column source.supply.item is 'Product (declared) or product type (rhythm).';
comment on column source.supply.order_id is 'Latest order that counts.';
comment on column source.supply.line_no is 'First line of the item in it.';
comment on column source.supply.ordered_at is 'When it was ordered.';
comment on column source.supply.quantity is 'Packs bought in it.';
comment on column source.supply.newest_at is 'Newest purchase in the row: the row holds for an as_of at or after it.';
comment on column source.supply.runs_out_at is 'When the supply is used up.';
comment on column source.supply.reorder_at is 'runs_out_at − delivery: the last moment to order.';

create table source.supply_change (
    customer_id text not null
);

comment on table source.supply_change is
'Customers whose purchases of consumables changed since their rows in source.supply were computed, one row per '
'change.';
comment on column source.supply_change.customer_id is 'Customer whose rows do not count until the change is settled.';

create table source.sql_feed (
    feed text primary key,
    since timestamptz not null
);

comment on table source.sql_feed is 'How far each SQL feed was read, one row per feed; without a row, all is read.';
comment on column source.sql_feed.feed is 'Name of the feed, as in include/sql/feeds/<feed>.sql.';
comment on column source.sql_feed.since is
'Start of the last load that took this SQL feed: what the next load binds as :since.';

-- A word about permission that cannot be read never leaves a yes standing. Mailing rests until the feed says a word
-- that can be read, or the person says yes themselves.
create table source.permission_rest (
    customer_id text not null,
    rested_at timestamptz not null,
    resumed_at timestamptz,
    load_id bigint not null,
    resumed_load_id bigint,
    file text not null,
    line bigint,
    primary key (customer_id, rested_at)
);
create unique index permission_rest_now on source.permission_rest (customer_id) where resumed_at is null;

comment on table source.permission_rest is
'Times in which mailing rests because the newest word of the feed about permission could not be read, one row per '
'customer and time.';
comment on column source.permission_rest.customer_id is 'Whose mailing rests.';
comment on column source.permission_rest.rested_at is 'Time of the load that brought the word.';
comment on column source.permission_rest.resumed_at is
'Time of the load that brought the next word that could be read, or of the person''s own word; null = it still rests.';
comment on column source.permission_rest.load_id is 'Load that brought the word.';
comment on column source.permission_rest.resumed_load_id is
'Load that brought the next word that could be read; null = no load did.';
comment on column source.permission_rest.file is 'Feed file of the word.';
comment on column source.permission_rest.line is
'Line in it, as in source.rejected, which has the reason and the row.';

create table source.erased_fact (
    feed text not null,
    fact_id text not null,
    primary key (feed, fact_id)
);

comment on table source.erased_fact is
'Orders, carts and the like of erased people that were set aside, one row per key: their lines are set aside too.';
comment on column source.erased_fact.feed is 'Feed of the row that was set aside.';
comment on column source.erased_fact.fact_id is 'Its key.';

create table source.currency_rate (
    day date not null,
    currency text not null,
    rate numeric(24, 12) not null,
    load_id bigint not null,
    primary key (currency, day)
);
create index currency_rate_load on source.currency_rate (load_id);

comment on table source.currency_rate is
'What currencies are worth in the reporting currency, one row per currency and day.';
comment on column source.currency_rate.day is 'Day from which the rate holds, until the day of a newer one.';
comment on column source.currency_rate.currency is 'ISO 4217.';
comment on column source.currency_rate.rate is 'What one unit of it is worth in the reporting currency.';
comment on column source.currency_rate.load_id is 'Load that last wrote the row.';

create table source.merged_id (
    kind text not null,
    former_id text not null,
    present_id text not null,
    was_two boolean not null,
    merged_at timestamptz not null default now(),
    primary key (kind, former_id)
);

comment on table source.merged_id is
'Ids that had blanks at their ends when they were loaded, one row per id; the migration that trimmed them wrote it.';
comment on column source.merged_id.kind is 'What the id is of: customer, product, order, cart…';
comment on column source.merged_id.former_id is 'The id as it was, with its blanks.';
comment on column source.merged_id.present_id is 'The id without them.';
comment on column source.merged_id.was_two is 'Another id became the same one, so rows of two were merged.';
comment on column source.merged_id.merged_at is 'When.';

create table source.contract (
    contract_id text primary key,
    customer_id text not null,
    product_id text,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    status text not null default 'active' check (status in ('active', 'ended', 'cancelled')),
    load_id bigint not null
);
create index contract_customer on source.contract (customer_id, ends_at);
create index contract_load on source.contract using brin (load_id);

comment on table source.contract is 'Contracts and subscriptions, one row per contract.';
comment on column source.contract.contract_id is 'The shop''s key.';
comment on column source.contract.customer_id is 'Whose contract.';
comment on column source.contract.product_id is 'What it is about.';
comment on column source.contract.starts_at is 'From when it runs.';
comment on column source.contract.ends_at is 'When it ends unless it is renewed.';
comment on column source.contract.status is 'active, ended or cancelled; a cancelled one never counts.';
comment on column source.contract.load_id is 'Load that last wrote the row.';

create table source.occasion (
    occasion_id text primary key,
    name text not null,
    kind text not null,
    starts_at timestamptz not null,
    ends_at timestamptz,
    url text,
    load_id bigint not null
);
create index occasion_starts on source.occasion (starts_at);

comment on table source.occasion is 'Webinars, events in the shop and the like, one row per occasion.';
comment on column source.occasion.occasion_id is 'The shop''s key.';
comment on column source.occasion.name is 'As customers know it.';
comment on column source.occasion.kind is 'Webinar, event in the shop…';
comment on column source.occasion.starts_at is 'When it begins.';
comment on column source.occasion.ends_at is 'When it ends; null = not known.';
comment on column source.occasion.url is 'Page of the occasion.';
comment on column source.occasion.load_id is 'Load that last wrote the row.';

create table source.registration (
    occasion_id text not null,
    customer_id text not null,
    registered_at timestamptz not null,
    status text not null check (status in ('registered', 'attended', 'cancelled')),
    status_at timestamptz,
    load_id bigint not null,
    primary key (occasion_id, customer_id)
);
create index registration_customer on source.registration (customer_id, registered_at);
create index registration_load on source.registration using brin (load_id);

comment on table source.registration is 'Who registered for what, one row per occasion and customer.';
comment on column source.registration.occasion_id is 'For which occasion.';
comment on column source.registration.customer_id is 'Who registered.';
comment on column source.registration.registered_at is 'When.';
comment on column source.registration.status is
'Latest state. A cancelled one counts until status_at, and never if that is not known.';
comment on column source.registration.status_at is
'When it got that state; null = not known: attendance counts from the beginning of the occasion.';
comment on column source.registration.load_id is 'Load that last wrote the row.';
