-- Baseline: every table as it was when the migrations before it became this one file.
-- Functions and views are not in it: they are applied from include/sql/<stage>/schema/.

create schema if not exists installation;
comment on schema installation is
'What belongs to the installation rather than to a stage: facts about it, migrations, upkeep of partitions.';

create table installation.fact (
    name text primary key,
    value jsonb not null,
    recorded_at timestamptz not null default now()
);

comment on table installation.fact is 'Facts about this installation, one row a fact.';
comment on column installation.fact.name is 'What the fact is, e.g. delivery_mode, demo_shift_days.';
comment on column installation.fact.value is 'Its value.';
comment on column installation.fact.recorded_at is 'When it was written.';

-- Months that retention has dropped, and why a month may not go yet.
create table installation.retired_month (
    parent text not null,
    month date not null,
    steps bigint not null,
    dropped_at timestamptz not null,
    primary key (parent, month)
);

comment on table installation.retired_month is
'Months of raw rows that retention has dropped, one row a table and month.';
comment on column installation.retired_month.parent is 'Table the month was part of.';
comment on column installation.retired_month.month is 'First day of the month, UTC.';
comment on column installation.retired_month.steps is
'Steps whose final decision was among them: kpi.step_outcome must go on holding as many. 0 for events.';
comment on column installation.retired_month.dropped_at is 'When.';

create schema source;
comment on schema source is
'Stage 1, sources: the shop''s facts as the feeds tell them, what was refused and why, one activity row a customer.';

create table source.load (
    load_id bigint generated always as identity primary key,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    counts jsonb not null default '{}'
);

comment on table source.load is 'Runs of `load`, one row a run.';
comment on column source.load.load_id is 'One run of `load`.';
comment on column source.load.started_at is 'When the load began.';
comment on column source.load.finished_at is 'When it was committed.';
comment on column source.load.counts is 'Rows loaded and rejected, by feed.';

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
    check (email is not null or erased_at is not null)
);
create index customer_address on source.customer (address);
create index customer_erased on source.customer (customer_id) where erased_at is not null;
-- Two branches of journey.exit_fact ask for one customer: without it the answer "no" reads the whole row.
create index customer_withdrawn on source.customer (customer_id) where permission = 'withdrawn';

comment on table source.customer is 'Customers as the newest feed tells them, one row a customer.';
comment on column source.customer.customer_id is 'The shop''s key.';
comment on column source.customer.email is 'Address as given; null only after erasure.';
comment on column source.customer.address is 'Address as compared: lower case.';
comment on column source.customer.created_at is 'Sign-up.';
comment on column source.customer.first_name is 'Given name.';
comment on column source.customer.last_name is 'Family name.';
comment on column source.customer.locale is 'BCP 47, e.g. en-GB.';
comment on column source.customer.timezone is 'IANA zone; null counts as UTC.';
comment on column source.customer.country is 'ISO 3166-1 alpha-2, upper case.';
comment on column source.customer.currency is 'ISO 4217, upper case.';
comment on column source.customer.birthday is 'Date of birth.';
comment on column source.customer.signup_source is 'Where the customer came from.';
comment on column source.customer.permission is 'Newest entry of the consent log.';
comment on column source.customer.permission_at is 'When that permission was given or withdrawn.';
comment on column source.customer.erased_at is 'Set by erasure; personal columns are null then.';
comment on column source.customer.load_id is 'Load that last wrote the row.';

create table source.permission_change (
    customer_id text not null,
    permission text not null check (permission in ('none', 'pending', 'confirmed', 'withdrawn')),
    permission_at timestamptz not null,
    origin text not null,
    load_id bigint,
    recorded_at timestamptz not null default now(),
    primary key (customer_id, permission_at, permission)
);

comment on table source.permission_change is
'The log of consent, one row each time something was said; rows are never changed.';
comment on column source.permission_change.customer_id is 'Whose permission.';
comment on column source.permission_change.permission is 'What was said.';
comment on column source.permission_change.permission_at is 'When it was said.';
comment on column source.permission_change.origin is 'Feed, unsubscribe, sunset…';
comment on column source.permission_change.load_id is 'Load that brought it, if a feed did.';
comment on column source.permission_change.recorded_at is 'When it was written here.';

create table source.former_address (
    customer_id text not null,
    address text not null,
    replaced_at timestamptz not null default now(),
    primary key (customer_id, address)
);
create index former_address_address on source.former_address (address);

comment on table source.former_address is 'Addresses a customer had before, one row a (customer, address).';
comment on column source.former_address.customer_id is 'Whose address it was.';
comment on column source.former_address.address is 'The address, lower case; removed by erasure.';
comment on column source.former_address.replaced_at is 'When a feed brought another one.';

create table source.erased_address (
    address_hash bytea primary key,
    erased_at timestamptz not null
);

comment on table source.erased_address is
'Addresses of erased people as keyed hashes, one row an address: no feed brings them back.';
comment on column source.erased_address.address_hash is 'Keyed hash of the erased address.';
comment on column source.erased_address.erased_at is 'When.';

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
    load_id bigint not null
);

comment on table source.product is 'Products, one row a product.';
comment on column source.product.product_id is 'The shop''s key.';
comment on column source.product.name is 'As customers know it.';
comment on column source.product.product_type is 'Kind of product; rhythm of repurchase is learned per type.';
comment on column source.product.category is 'Department.';
comment on column source.product.price is 'List price, in currency.';
comment on column source.product.currency is 'ISO 4217.';
comment on column source.product.is_consumable is 'Used up, and so replenished.';
comment on column source.product.units_per_pack is 'Units in one pack.';
comment on column source.product.daily_use is 'Units a day a customer uses.';
comment on column source.product.delivery_days is 'Days from order to arrival.';
comment on column source.product.goods_kind is 'Soft or hard goods.';
comment on column source.product.upgrade_product_id is 'The dearer relative.';
comment on column source.product.url is 'Product page.';
comment on column source.product.image_url is 'Picture.';
comment on column source.product.load_id is 'Load that last wrote the row.';

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

comment on table source.orders is 'Orders, one row an order; one that was cancelled never counts.';
comment on column source.orders.order_id is 'The shop''s key.';
comment on column source.orders.customer_id is 'Who ordered.';
comment on column source.orders.ordered_at is 'When.';
comment on column source.orders.total is 'Order total, in currency.';
comment on column source.orders.currency is 'ISO 4217.';
comment on column source.orders.cart_id is 'Cart it came from.';
comment on column source.orders.delivered_at is 'When the goods arrived.';
comment on column source.orders.offer_code is 'Offer redeemed.';
comment on column source.orders.status is 'A cancelled order never counts.';
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

comment on table source.order_line is 'What was bought, one row an order and line.';
comment on column source.order_line.order_id is 'Order.';
comment on column source.order_line.line_no is 'Line in the order.';
comment on column source.order_line.product_id is 'Product bought.';
comment on column source.order_line.quantity is 'Packs bought.';
comment on column source.order_line.unit_price is 'Price a pack, in the order''s currency.';
comment on column source.order_line.load_id is 'Load that last wrote the row.';

create table source.cart (
    cart_id text primary key,
    customer_id text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    status text not null check (status in ('open', 'ordered', 'emptied')),
    url text,
    load_id bigint not null
);
create index cart_customer on source.cart (customer_id, updated_at);
create index cart_open on source.cart (updated_at) where status = 'open';

comment on table source.cart is 'Carts in their latest state, one row a cart.';
comment on column source.cart.cart_id is 'The shop''s key.';
comment on column source.cart.customer_id is 'Whose cart.';
comment on column source.cart.created_at is 'First item.';
comment on column source.cart.updated_at is 'Last change; only the latest state is kept.';
comment on column source.cart.status is 'Latest state.';
comment on column source.cart.url is 'Link back to the cart.';
comment on column source.cart.load_id is 'Load that last wrote the row.';

create table source.cart_line (
    cart_id text not null,
    product_id text not null,
    quantity numeric(14, 4) not null check (quantity >= 0),
    unit_price numeric(14, 4) not null check (unit_price >= 0),
    load_id bigint not null,
    primary key (cart_id, product_id)
);

comment on table source.cart_line is 'What lies in a cart now, one row a cart and product.';
comment on column source.cart_line.cart_id is 'Cart.';
comment on column source.cart_line.product_id is 'Product in it.';
comment on column source.cart_line.quantity is 'Packs.';
comment on column source.cart_line.unit_price is 'Price a pack.';
comment on column source.cart_line.load_id is 'Load that last wrote the row.';

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

comment on table source.page_view is 'Visits of pages, one row a view.';
comment on column source.page_view.view_id is 'The shop''s key.';
comment on column source.page_view.customer_id is 'Who looked.';
comment on column source.page_view.viewed_at is 'When.';
comment on column source.page_view.product_id is 'Product page, if one.';
comment on column source.page_view.topic is 'Topic page, if one.';
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

comment on table source.lead_action is 'What leads did (subscribed, downloaded, registered…), one row an action.';
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

comment on table source.review is 'Reviews, one row a review.';
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
    load_id bigint not null
);

comment on table source.referral is 'Referrals, one row a referral.';
comment on column source.referral.referral_id is 'Key of the referral.';
comment on column source.referral.customer_id is 'Who referred.';
comment on column source.referral.referred_customer_id is 'The friend, once known.';
comment on column source.referral.referred_at is 'When.';
comment on column source.referral.load_id is 'Load that last wrote the row.';

create table source.offer (
    offer_code text primary key,
    customer_id text,
    campaign text,
    percent numeric(6, 3) check (percent >= 0 and percent <= 100),
    valid_from timestamptz not null,
    valid_until timestamptz not null,
    redeemed_at timestamptz,
    load_id bigint not null
);
create index offer_customer on source.offer (customer_id);
create index offer_load on source.offer using brin (load_id);

comment on table source.offer is 'Offers and their use, one row an offer code.';
comment on column source.offer.offer_code is 'The code a customer types.';
comment on column source.offer.customer_id is 'Whose personal offer; null = everyone''s.';
comment on column source.offer.campaign is 'Campaign that gave it.';
comment on column source.offer.percent is 'Discount, percent.';
comment on column source.offer.valid_from is 'First instant it is valid.';
comment on column source.offer.valid_until is 'Last instant it is valid.';
comment on column source.offer.redeemed_at is 'When it was used.';
comment on column source.offer.load_id is 'Load that last wrote the row.';

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
    unique nulls not distinct (feed, file, line, reason, row_md5)
);
create index rejected_load on source.rejected (load_id);

comment on table source.rejected is 'Feed rows that break the contract, one row a refused row and reason.';
comment on column source.rejected.rejected_id is 'One row refused.';
comment on column source.rejected.load_id is 'Load that refused it first.';
comment on column source.rejected.feed is 'Customers, orders…';
comment on column source.rejected.file is 'File name.';
comment on column source.rejected.line is 'Line of a text file, row of another, from 1; null = the whole file.';
comment on column source.rejected.customer_id is 'Whose row it was, where that could be read: erasure finds it.';
comment on column source.rejected.reason is 'Named reason, e.g. negative_quantity.';
comment on column source.rejected.detail is 'What was wrong, without the row''s personal values.';
comment on column source.rejected.row_text is 'The row as it came.';
comment on column source.rejected.row_md5 is 'md5 of row_text: a second load of the file adds nothing.';
comment on column source.rejected.rejected_at is 'When.';

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
'Newest and first facts, one row a customer with any; kept up to date from what each load changed.';
comment on column source.customer_activity.customer_id is 'One row a customer with any fact.';
comment on column source.customer_activity.first_order_at is 'First order that was not cancelled.';
comment on column source.customer_activity.last_order_at is 'Last order that was not cancelled.';
comment on column source.customer_activity.order_count is 'Orders that were not cancelled.';
comment on column source.customer_activity.last_view_at is 'Last page view.';
comment on column source.customer_activity.last_open_at is 'Last human open.';
comment on column source.customer_activity.last_click_at is 'Last human click.';
comment on column source.customer_activity.last_activity_at is
'Newest of the four: the fast path holds for as_of at or after it.';

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
'What customers have at home of consumables, one row a (customer, basis, item); equals source.supply_at(infinity)
for everyone not in source.supply_change.';
comment on column source.supply.customer_id is 'Who bought.';
comment on column source.supply.basis is
'declared: by the product''s daily use; rhythm: by the customer''s own intervals for the product type.';
comment on column source.supply.item is 'Product (declared) or product type (rhythm).';
comment on column source.supply.order_id is 'Latest order that counts.';
comment on column source.supply.line_no is 'First line of the item in it.';
comment on column source.supply.ordered_at is 'When it was ordered.';
comment on column source.supply.quantity is 'Packs bought in it.';
comment on column source.supply.newest_at is
'Newest purchase the row knows: it holds for an as_of at or after this.';
comment on column source.supply.runs_out_at is 'When the supply is used up.';
comment on column source.supply.reorder_at is 'runs_out_at − delivery: the last moment to order.';

create table source.supply_change (
    customer_id text not null
);

comment on table source.supply_change is
'Customers whose purchases of consumables changed since their rows in source.supply were reckoned, one row a change.';
comment on column source.supply_change.customer_id is 'Whose rows do not count until settled.';

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
'Memberships as intervals [entered_at, left_at), one row a member, occurrence and stay.';
comment on column segment.membership.segment is
'Registry name, with parameters where they are not the defaults: inactive(days=30).';
comment on column segment.membership.customer_id is 'Member.';
comment on column segment.membership.occurrence is 'Which time this is: cart id and change, order line, year…';
comment on column segment.membership.occurred_at is 'When the occurrence happened.';
comment on column segment.membership.context is 'Snapshot of what a mail needs: cart items, product…';
comment on column segment.membership.entered_at is 'First as_of at which the member was seen.';
comment on column segment.membership.left_at is 'First as_of at which it was not; null = still a member.';

create table segment.refresh (
    segment text primary key,
    refreshed_at timestamptz not null
);

comment on table segment.refresh is 'How far each segment is known, one row a segment.';
comment on column segment.refresh.segment is 'Segment as in membership.';
comment on column segment.refresh.refreshed_at is 'Newest as_of the intervals are known for.';

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

comment on table segment.size_daily is 'Sizes of segments, one row a UTC day and segment.';
comment on column segment.size_daily.day is 'UTC date of as_of.';
comment on column segment.size_daily.segment is 'Segment as in membership.';
comment on column segment.size_daily.as_of is 'Last as_of of that day.';
comment on column segment.size_daily.members is 'Memberships at as_of.';
comment on column segment.size_daily.customers is 'Distinct customers at as_of.';
comment on column segment.size_daily.entered is 'Entered during the day.';
comment on column segment.size_daily.departed is 'Left during the day.';

create schema journey;
comment on schema journey is
'Stage 3, journeys: who is in which series, at which step, in which arm, when it ended and why.';

create table journey.campaign (
    campaign text primary key,
    topic text not null,
    is_marketing boolean not null,
    segment text not null,
    goal_event text not null,
    goal_within_days numeric(8, 3) not null,
    goal_target_ratio numeric(8, 6),
    goal_until date,
    exit_on text[] not null,
    holdout_ratio numeric(8, 6) not null,
    priority integer not null,
    definition jsonb not null,
    definition_md5 text not null,
    published_at timestamptz not null default now()
);

comment on table journey.campaign is 'Campaigns as last published from their files, one row a campaign.';
comment on column journey.campaign.campaign is 'Name in include/campaigns/<name>.yaml.';
comment on column journey.campaign.topic is 'Topic in include/topics.yaml.';
comment on column journey.campaign.is_marketing is 'False = transactional: no holdout, no cap.';
comment on column journey.campaign.segment is 'Segment as in segment.membership.';
comment on column journey.campaign.goal_event is 'What counts as a conversion.';
comment on column journey.campaign.goal_within_days is 'Conversion window, days of 24 hours.';
comment on column journey.campaign.goal_target_ratio is 'Target conversion ratio, if set.';
comment on column journey.campaign.goal_until is 'Target''s date, if set.';
comment on column journey.campaign.exit_on is 'Facts that end a series early.';
comment on column journey.campaign.holdout_ratio is 'Share of enrolled customers that gets nothing.';
comment on column journey.campaign.priority is 'Who wins a customer''s day; higher wins.';
comment on column journey.campaign.definition is 'The file as read.';
comment on column journey.campaign.definition_md5 is 'What an approval holds for.';
comment on column journey.campaign.published_at is 'When this definition was last written here.';

create table journey.enrollment (
    enrollment_id bigint generated always as identity primary key,
    campaign text not null,
    customer_id text not null,
    occurrence text not null,
    occurred_at timestamptz not null,
    context jsonb not null default '{}',
    enrolled_at timestamptz not null,
    is_holdout boolean not null,
    ended_at timestamptz,
    end_reason text,
    unique (customer_id, campaign, occurrence)
);
-- No statement looks a series up by what its snapshot holds; without this most of the time of `analyze` goes into it.
alter table journey.enrollment alter column context set statistics 0;
create unique index enrollment_running on journey.enrollment (campaign, customer_id) where ended_at is null;

comment on table journey.enrollment is
'Series of customers, one row a campaign, customer and occurrence; at most one runs a campaign and customer.';
comment on column journey.enrollment.enrollment_id is 'One customer in one series.';
comment on column journey.enrollment.campaign is 'Campaign.';
comment on column journey.enrollment.customer_id is 'Customer.';
comment on column journey.enrollment.occurrence is 'Which time this is.';
comment on column journey.enrollment.occurred_at is 'When the occurrence happened.';
comment on column journey.enrollment.context is 'Snapshot at entry; leaving the segment changes nothing.';
comment on column journey.enrollment.enrolled_at is 'as_of of the run that enrolled; steps count from here.';
comment on column journey.enrollment.is_holdout is 'Gets nothing, so that lift is measured.';
comment on column journey.enrollment.ended_at is 'When the series ended; null = running.';
comment on column journey.enrollment.end_reason is 'Completed, converted, superseded, unsubscribed, cart_emptied…';

create table journey.step_due (
    step_due_id bigint generated always as identity,
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    customer_id text not null,
    variant text not null,
    due_at timestamptz not null,
    noticed_at timestamptz not null,
    primary key (campaign, step_due_id),
    unique (enrollment_id, step)
);

comment on table journey.step_due is 'Steps that came due, one row an enrollment and step.';
comment on column journey.step_due.step_due_id is 'Order in which steps came due, within a campaign.';
comment on column journey.step_due.enrollment_id is 'Enrollment.';
comment on column journey.step_due.step is 'Step of the campaign file.';
comment on column journey.step_due.campaign is 'Campaign.';
comment on column journey.step_due.customer_id is 'Customer.';
comment on column journey.step_due.variant is 'Arm of the step''s variants; ''default'' where there are none.';
comment on column journey.step_due.due_at is 'enrolled_at + after_hours.';
comment on column journey.step_due.noticed_at is 'as_of of the run that noticed.';

-- The step a series awaits, in a narrow row of its own: what changes at every step no longer rewrites the snapshot
-- and every index of its enrollment.
create table journey.upcoming (
    enrollment_id bigint primary key,
    campaign text not null,
    position integer not null,
    due_at timestamptz not null
);
create index upcoming_due on journey.upcoming (campaign, due_at);

comment on table journey.upcoming is 'Steps that series await, one row an enrollment with a step left.';
comment on column journey.upcoming.enrollment_id is 'Enrollment.';
comment on column journey.upcoming.campaign is 'Campaign.';
comment on column journey.upcoming.position is 'Position of the first step not yet due, from 0.';
comment on column journey.upcoming.due_at is
'When that step is due; once the series ended, the run that ended it: what is left comes due at once.';

create schema decision;
comment on schema decision is 'Stage 4, decisions: one named answer to every due step.';

create table decision.decision (
    decision_id bigint generated always as identity,
    decided_at timestamptz not null,
    as_of timestamptz not null,
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    customer_id text not null,
    variant text not null,
    outcome text not null check (outcome in ('send', 'skip', 'defer', 'hold')),
    reason text not null,
    due_at timestamptz not null,
    not_before timestamptz,
    until timestamptz,
    expires_at timestamptz,
    detail jsonb not null default '{}',
    send_day date,
    language text,
    currency text,
    primary key (campaign, decision_id, decided_at)
) partition by range (decided_at);
alter table decision.decision alter column detail set statistics 0;
create index decision_step on decision.decision (enrollment_id, step);
-- A customer's mails of the last weeks are found by their decisions, which are written once. A mail's row is written at
-- planning, claim and record, each time with every index of it.
create index decision_mail on decision.decision (customer_id, expires_at) where outcome in ('send', 'defer');

comment on table decision.decision is
'Decisions, append-only: one row each time a due step was decided; the newest of a step holds.';
comment on column decision.decision.decision_id is 'Order of decisions, within a campaign.';
comment on column decision.decision.decided_at is '`now` of the run.';
comment on column decision.decision.as_of is 'Period the run worked for.';
comment on column decision.decision.enrollment_id is 'Enrollment.';
comment on column decision.decision.step is 'Step.';
comment on column decision.decision.campaign is 'Campaign.';
comment on column decision.decision.customer_id is 'Customer.';
comment on column decision.decision.variant is 'Arm of the step, or ''holdout''.';
comment on column decision.decision.outcome is 'What was decided.';
comment on column decision.decision.reason is 'Why, by name.';
comment on column decision.decision.due_at is 'When the step was due.';
comment on column decision.decision.not_before is 'First permitted moment of a mail; null = none.';
comment on column decision.decision.until is 'End of a deferral.';
comment on column decision.decision.expires_at is 'Past this a mail is stale.';
comment on column decision.decision.detail is 'Facts behind the reason.';
comment on column decision.decision.send_day is
'Recipient''s local date of not_before: caps count by it; null = no mail.';
comment on column decision.decision.language is 'Recipient''s language, ISO 639; null = unknown, or no mail.';
comment on column decision.decision.currency is
'Currency of the snapshot, else of the customer, ISO 4217; null = unknown, or no mail.';

create table decision.progress (
    campaign text primary key,
    last_step_due_id bigint not null
);

comment on table decision.progress is 'How far each campaign has decided, one row a campaign.';
comment on column decision.progress.campaign is 'Campaign.';
comment on column decision.progress.last_step_due_id is 'Every step up to this one has its decision.';

-- Two transactions at once decide a run's many steps, half each: those of even enrollment_id are committed first.
create table decision.halfway (
    campaign text primary key,
    even_step_due_id bigint not null
);

comment on table decision.halfway is
'How far the first half of a campaign''s newest run in halves came, one row a campaign. Past decision.progress: the '
'second half is still to come.';
comment on column decision.halfway.campaign is 'Campaign.';
comment on column decision.halfway.even_step_due_id is
'Every step of an even enrollment_id up to this one has its decision.';

create schema message;
comment on schema message is 'Stage 5, messages: what will be sent, and the state of every mail.';

create table message.shell (
    shell_id bigint generated always as identity primary key,
    shell_key text not null unique,
    campaign text not null,
    step text not null,
    variant text not null,
    language text not null,
    currency text not null,
    template text not null,
    template_version text not null,
    topic text not null,
    token text not null,
    slot_tokens jsonb not null,
    subject text not null,
    preheader text not null,
    html text not null,
    text_part text not null,
    brand jsonb not null,
    offer jsonb,
    created_at timestamptz not null default now(),
    slots_dictionary bytea
);

comment on table message.shell is
'The shared part of mails, one row a campaign, step, variant, language, currency and template version.';
comment on column message.shell.shell_id is 'The part of a mail that is the same for everyone.';
comment on column message.shell.shell_key is 'Campaign, step, variant, language, currency, template version.';
comment on column message.shell.campaign is 'Campaign.';
comment on column message.shell.step is 'Step.';
comment on column message.shell.variant is 'Variant.';
comment on column message.shell.language is 'Language.';
comment on column message.shell.currency is 'ISO 4217.';
comment on column message.shell.template is 'Template folder.';
comment on column message.shell.template_version is 'Hash of everything the rendering depends on.';
comment on column message.shell.topic is 'Topic: sender, group, caps.';
comment on column message.shell.token is 'Random part of this shell''s slot tokens.';
comment on column message.shell.slot_tokens is 'Slot name → token.';
comment on column message.shell.subject is 'Subject, with tokens where it is personal.';
comment on column message.shell.preheader is 'Preview text, with tokens.';
comment on column message.shell.html is 'HTML part, with tokens.';
comment on column message.shell.text_part is 'Plain-text part, with tokens.';
comment on column message.shell.brand is 'Name, colours and addresses it was rendered with.';
comment on column message.shell.offer is 'Offer of the step, if any.';
comment on column message.shell.created_at is 'When it was rendered.';
comment on column message.shell.slots_dictionary is
'Slots of the template''s sample recipient, what slots of this shell are compressed against; null = nothing.';

create table message.message (
    message_id uuid not null,
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    customer_id text not null,
    channel text not null default 'email',
    topic text not null,
    variant text not null,
    priority integer not null,
    shell_id bigint not null,
    state text not null default 'planned' check (
        state in ('planned', 'claimed', 'accepted', 'rejected', 'in_doubt', 'abandoned', 'cancelled')
    ),
    reason text,
    planned_at timestamptz not null,
    not_before timestamptz not null,
    expires_at timestamptz not null,
    send_day date not null,
    claimed_at timestamptz,
    lease_until timestamptz,
    attempt_id bigint,
    accepted_at timestamptz,
    settled_at timestamptz,
    subject text,
    slots bytea,
    primary key (enrollment_id, step)
) partition by hash (enrollment_id);
alter table message.message alter column slots set storage external;
create table message.message_p0 partition of message.message for values with (modulus 8, remainder 0);
create table message.message_p1 partition of message.message for values with (modulus 8, remainder 1);
create table message.message_p2 partition of message.message for values with (modulus 8, remainder 2);
create table message.message_p3 partition of message.message for values with (modulus 8, remainder 3);
create table message.message_p4 partition of message.message for values with (modulus 8, remainder 4);
create table message.message_p5 partition of message.message for values with (modulus 8, remainder 5);
create table message.message_p6 partition of message.message for values with (modulus 8, remainder 6);
create table message.message_p7 partition of message.message for values with (modulus 8, remainder 7);
create index message_planned on message.message (shell_id, not_before) where state = 'planned';
create index message_attempt on message.message (attempt_id) where state in ('claimed', 'in_doubt', 'abandoned');
create index message_rejected on message.message (campaign, settled_at) where state = 'rejected';
create index message_accepted on message.message (accepted_at) where accepted_at is not null;

comment on table message.message is 'Mails, one row an enrollment and step: that key makes a second mail impossible.';
comment on column message.message.message_id is 'Travels as lm_message_id; its first half is the enrollment.';
comment on column message.message.enrollment_id is 'Enrollment; with step the never-twice key.';
comment on column message.message.step is 'Step.';
comment on column message.message.campaign is 'Campaign.';
comment on column message.message.customer_id is 'Recipient.';
comment on column message.message.channel is 'e-mail today.';
comment on column message.message.topic is 'Topic.';
comment on column message.message.variant is 'Variant.';
comment on column message.message.priority is 'Who wins a customer''s day.';
comment on column message.message.shell_id is 'Shared part.';
comment on column message.message.state is 'planned → claimed → accepted | rejected | in_doubt …';
comment on column message.message.reason is 'Why it was rejected, cancelled, returned or settled.';
comment on column message.message.planned_at is '`now` of the run that wrote it.';
comment on column message.message.not_before is 'First permitted moment.';
comment on column message.message.expires_at is 'Past this it is cancelled as stale.';
comment on column message.message.send_day is 'Recipient''s local date of not_before: caps count by it.';
comment on column message.message.claimed_at is 'Last claim.';
comment on column message.message.lease_until is 'Past this a claim is in doubt.';
comment on column message.message.attempt_id is 'Last attempt.';
comment on column message.message.accepted_at is 'When the provider took it.';
comment on column message.message.settled_at is 'When it reached its last state.';
comment on column message.message.subject is 'Personal subject, if it has one.';
comment on column message.message.slots is
'Personal parts: JSON of token → text, Zstandard against the shell''s slots_dictionary. With the shell the exact mail.';

create table message.progress (
    campaign text primary key,
    last_decision_id bigint not null
);

comment on table message.progress is 'How far each campaign has written its mails, one row a campaign.';
comment on column message.progress.campaign is 'Campaign.';
comment on column message.progress.last_decision_id is
'Every decision up to this one has its message, if it gets one.';

create schema delivery;
comment on schema delivery is 'Stage 6, delivery: every request to the provider, caps, pauses and approvals.';

create table delivery.attempt (
    attempt_id bigint generated always as identity primary key,
    shell_id bigint not null,
    campaign text not null,
    worker text not null,
    recipients integer not null,
    claimed_at timestamptz not null,
    lease_until timestamptz not null,
    finished_at timestamptz,
    outcome text check (
        outcome in ('accepted', 'returned', 'rejected', 'in_doubt', 'split')
    ),
    http_status integer,
    x_message_id text,
    error text
);
create index attempt_open on delivery.attempt (lease_until) where outcome is null;

comment on table delivery.attempt is 'Requests to the provider, one row a claim of up to 1,000 mails.';
comment on column delivery.attempt.attempt_id is 'One claim and its one request.';
comment on column delivery.attempt.shell_id is 'Shared part of the request.';
comment on column delivery.attempt.campaign is 'Campaign.';
comment on column delivery.attempt.worker is 'Who claimed: host, process, shard.';
comment on column delivery.attempt.recipients is 'Messages claimed.';
comment on column delivery.attempt.claimed_at is '`now` of the claim, committed before the request.';
comment on column delivery.attempt.lease_until is 'Past this the claim is in doubt.';
comment on column delivery.attempt.finished_at is 'When the answer was recorded.';
comment on column delivery.attempt.outcome is 'What became of it; null = unanswered.';
comment on column delivery.attempt.http_status is 'Status, if one came.';
comment on column delivery.attempt.x_message_id is 'The provider''s id of the request.';
comment on column delivery.attempt.error is 'What went wrong, without personal data.';

create table delivery.cap_reservation (
    address_key uuid not null,
    period text not null check (period in ('day', 'week')),
    starts_on date not null,
    n integer not null,
    enrollment_id bigint not null,
    step text not null,
    primary key (address_key, period, starts_on, n)
);

comment on table delivery.cap_reservation is
'Places under the caps that mails hold, one row an address, period and place.';
comment on column delivery.cap_reservation.address_key is 'md5 of the address: one a person, not readable.';
comment on column delivery.cap_reservation.period is 'What the cap counts.';
comment on column delivery.cap_reservation.starts_on is 'Local day, or Monday of the local week.';
comment on column delivery.cap_reservation.n is 'n-th mail of that period.';
comment on column delivery.cap_reservation.enrollment_id is 'Message''s enrollment.';
comment on column delivery.cap_reservation.step is 'Message''s step.';

create table delivery.pause (
    scope text primary key,
    reason text not null,
    detail text,
    paused_at timestamptz not null
);

comment on table delivery.pause is 'Pauses in force, one row a scope; every claim reads them.';
comment on column delivery.pause.scope is '''all'', or ''campaign:<name>''.';
comment on column delivery.pause.reason is 'Who or what paused: operator, dag, breaker, provider.';
comment on column delivery.pause.detail is 'The numbers or the answer behind it.';
comment on column delivery.pause.paused_at is 'Since when.';

create table delivery.resumption (
    scope text primary key,
    resumed_at timestamptz not null
);

comment on table delivery.resumption is
'When sending was last resumed, one row a scope; breakers judge what was accepted since.';
comment on column delivery.resumption.scope is '''all'', or ''campaign:<name>''.';
comment on column delivery.resumption.resumed_at is 'Breakers judge what was accepted since.';

create table delivery.approval (
    campaign text not null,
    definition_md5 text not null,
    approved_at timestamptz not null,
    approved_by text not null,
    primary key (campaign, definition_md5)
);

comment on table delivery.approval is 'Approvals of campaigns for live sending, one row a campaign and definition.';
comment on column delivery.approval.campaign is 'Campaign.';
comment on column delivery.approval.definition_md5 is 'Definition that was approved.';
comment on column delivery.approval.approved_at is 'When.';
comment on column delivery.approval.approved_by is 'By whom, a role or a login, not an address.';

create schema event;
comment on schema event is
'Stage 7, events: what the provider reports, deduplicated; first facts a message; who must not be mailed.';

create table event.batch (
    batch_id bigint generated always as identity primary key,
    ingested_at timestamptz not null default now(),
    source_name text not null,
    files integer not null default 1,
    received bigint not null default 0,
    inserted bigint not null default 0,
    duplicates bigint not null default 0,
    rejected bigint not null default 0,
    newest_at timestamptz
);

comment on table event.batch is 'Steps of an ingest that were committed, one row a step.';
comment on column event.batch.batch_id is 'One committed step of an ingest.';
comment on column event.batch.ingested_at is 'When.';
comment on column event.batch.source_name is 'Export file, the first where the step took several.';
comment on column event.batch.files is 'Files the step took something from.';
comment on column event.batch.received is 'Events and lines read.';
comment on column event.batch.inserted is 'Events that were new.';
comment on column event.batch.duplicates is 'Events already here.';
comment on column event.batch.rejected is 'Events and lines set aside.';
comment on column event.batch.newest_at is 'Newest event that was new; null = none was.';

create table event.file (
    source_name text primary key,
    read_bytes bigint not null,
    read_lines bigint not null,
    size_bytes bigint not null,
    fingerprint text not null,
    is_finished boolean not null,
    read_at timestamptz not null default now()
);

comment on table event.file is 'Export files and how far each was read, one row a file.';
comment on column event.file.source_name is 'Export file, relative to what was ingested.';
comment on column event.file.read_bytes is 'Read up to here (of a .gz: of its text); a growing file goes on from it.';
comment on column event.file.read_lines is 'Line ends before that place.';
comment on column event.file.size_bytes is 'Size on disk when it was read.';
comment on column event.file.fingerprint is
'md5 of its first and last bytes up to that size: another file of the name starts anew.';
comment on column event.file.is_finished is 'Read to the end of that size; false = an ingest was cut off.';
comment on column event.file.read_at is 'When.';

create table event.event (
    sg_event_id text collate "C" not null,
    occurred_at timestamptz not null,
    event text not null,
    message_id uuid,
    address text,
    batch_id bigint not null,
    raw json not null,
    unique (sg_event_id, occurred_at)
) partition by range (occurred_at);
create index event_message on event.event (message_id) where message_id is not null;
-- Only an erasure looks an address up. A filter of a hundredth of the table is enough for it: it reads the few
-- megabytes that may hold the address, and those that came in since filters were last made.
create index event_address_filter on event.event using brin (address text_bloom_ops);

comment on table event.event is 'Events as the provider reported them, one row an event however often it came.';
comment on column event.event.sg_event_id is 'The provider''s id of the event, or a hash where it gave none.';
comment on column event.event.occurred_at is 'The event''s own timestamp.';
comment on column event.event.event is 'Processed, delivered, open…; unknown kinds are kept.';
comment on column event.event.message_id is 'lm_message_id; null = it carries none.';
comment on column event.event.address is 'Recipient, lower case; null after erasure.';
comment on column event.event.batch_id is 'Ingest that brought it.';
comment on column event.event.raw is 'The event as it came.';

create table event.engagement (
    enrollment_id bigint not null,
    step text not null,
    message_id uuid not null,
    campaign text not null,
    customer_id text not null,
    first_event_at timestamptz not null,
    processed_at timestamptz,
    delivered_at timestamptz,
    deferred_at timestamptz,
    deferred_count integer not null default 0,
    bounced_hard_at timestamptz,
    bounced_soft_at timestamptz,
    dropped_at timestamptz,
    reason text,
    reason_at timestamptz,
    first_open_at timestamptz,
    last_open_at timestamptz,
    first_machine_open_at timestamptz,
    first_click_at timestamptz,
    last_click_at timestamptz,
    unsubscribed_at timestamptz,
    complained_at timestamptz,
    batch_id bigint not null,
    primary key (enrollment_id, step)
);
create index engagement_batch on event.engagement (batch_id);
-- Whoever asks for a customer's mails asks when the customer opened or clicked one. The few who want all of them
-- (one person's timeline) come by the enrollments.
create index engagement_active_customer on event.engagement (customer_id)
where first_open_at is not null or first_click_at is not null;

comment on table event.engagement is
'First facts of a mail folded from its events, one row a message with any event.';
comment on column event.engagement.enrollment_id is 'Message''s enrollment.';
comment on column event.engagement.step is 'Message''s step.';
comment on column event.engagement.message_id is 'Message.';
comment on column event.engagement.campaign is 'Campaign.';
comment on column event.engagement.customer_id is 'Recipient.';
comment on column event.engagement.first_event_at is
'Earliest event of any kind: proof that the provider took the mail.';
comment on column event.engagement.processed_at is 'First of its kind, like all below unless it says last.';
comment on column event.engagement.delivered_at is 'Taken by the mailbox.';
comment on column event.engagement.deferred_at is 'First deferral.';
comment on column event.engagement.deferred_count is 'Deferrals.';
comment on column event.engagement.bounced_hard_at is 'Type bounce.';
comment on column event.engagement.bounced_soft_at is 'Type blocked, or deferrals exhausted (type expired).';
comment on column event.engagement.dropped_at is 'Refused by the provider after accepting.';
comment on column event.engagement.reason is 'Text of the newest bounce or drop, addresses removed.';
comment on column event.engagement.reason_at is 'When that bounce or drop happened.';
comment on column event.engagement.first_open_at is 'Human.';
comment on column event.engagement.last_open_at is 'Human, newest.';
comment on column event.engagement.first_machine_open_at is 'Prefetch by a mail program.';
comment on column event.engagement.first_click_at is 'Human.';
comment on column event.engagement.last_click_at is 'Human, newest.';
comment on column event.engagement.unsubscribed_at is 'Any way of unsubscribing by this mail.';
comment on column event.engagement.complained_at is 'Spam report.';
comment on column event.engagement.batch_id is 'Ingest that last changed the row: roll-ups start from it.';

create table event.suppression (
    address text not null,
    scope text not null,
    reason text not null,
    suppressed_at timestamptz not null,
    source text not null,
    last_suppressed_at timestamptz,
    lifted_at timestamptz,
    batch_id bigint,
    primary key (address, scope, reason)
);
create index suppression_address on event.suppression (address) where lifted_at is null;

comment on table event.suppression is 'Who must not be mailed, one row an address, scope and reason.';
comment on column event.suppression.address is 'Address, lower case.';
comment on column event.suppression.scope is '''all'', or ''topic:<name>''.';
comment on column event.suppression.reason is 'Unsubscribed, hard_bounce, complaint, dropped, sunset, operator.';
comment on column event.suppression.suppressed_at is 'Since when: the earliest time it was said.';
comment on column event.suppression.source is 'Event kind, page, sync… that said it first.';
comment on column event.suppression.last_suppressed_at is
'Newest time it was said; null = said once, at suppressed_at.';
comment on column event.suppression.lifted_at is 'When the person came back after that; null = in force.';
comment on column event.suppression.batch_id is 'Ingest that last changed the row.';

create table event.resubscription (
    address text not null,
    scope text not null,
    resubscribed_at timestamptz not null,
    batch_id bigint not null,
    primary key (address, scope)
);

comment on table event.resubscription is 'Who asked for mail of a topic again, one row an address and scope.';
comment on column event.resubscription.address is 'Address, lower case.';
comment on column event.resubscription.scope is '''topic:<name>''; nothing the provider reports lifts ''all''.';
comment on column event.resubscription.resubscribed_at is 'Newest time the person asked for mail again.';
comment on column event.resubscription.batch_id is 'Ingest that last changed the row.';

create table event.rejected (
    rejected_id bigint generated always as identity primary key,
    source_name text not null,
    line bigint not null,
    reason text not null,
    detail text,
    raw text,
    raw_md5 text not null,
    rejected_at timestamptz not null default now(),
    unique (source_name, line, reason, raw_md5)
);
-- A line that is still being written grows between two ingests; it is set aside once.
create unique index rejected_cut_line on event.rejected (source_name, line) where reason = 'cut_line';

comment on table event.rejected is 'Lines of exports that are no events, one row a line and reason.';
comment on column event.rejected.rejected_id is 'One line set aside.';
comment on column event.rejected.source_name is 'Export file.';
comment on column event.rejected.line is 'line, or place in the array.';
comment on column event.rejected.reason is 'Named reason.';
comment on column event.rejected.detail is 'What was wrong, without addresses.';
comment on column event.rejected.raw is 'The line as it came; null after erasure.';
comment on column event.rejected.raw_md5 is 'md5 of raw: a second ingest adds nothing.';
comment on column event.rejected.rejected_at is 'When.';

-- Suppressions in step with the provider's lists: how far they were read, and what the provider is known to hold.
create table event.sync_progress (
    list_name text primary key,
    covered_until timestamptz not null,
    synced_at timestamptz not null
);

comment on table event.sync_progress is
'How far each list of the provider was read, one row a list.';
comment on column event.sync_progress.list_name is
'bounces, invalid_emails, spam_reports, unsubscribes, blocks; groups = all unsubscribe groups.';
comment on column event.sync_progress.covered_until is
'Every row the list held up to this moment was read; the next window begins a day before it.';
comment on column event.sync_progress.synced_at is 'When it was last read.';

create table event.provider_suppression (
    address text not null,
    group_id bigint not null,
    said_at timestamptz not null,
    requested_at timestamptz,
    pushed_at timestamptz,
    refused_at timestamptz,
    primary key (address, group_id)
);
create index provider_suppression_queue on event.provider_suppression (group_id, address)
where requested_at is not null and pushed_at is null and refused_at is null;

comment on table event.provider_suppression is
'Opt-outs the provider is known to hold, or is to be told, one row an address and unsubscribe group.';
comment on column event.provider_suppression.address is 'Address, lower case.';
comment on column event.provider_suppression.group_id is 'Unsubscribe group at the provider; 0 = its global list.';
comment on column event.provider_suppression.said_at is 'Newest opt-out that this row covers.';
comment on column event.provider_suppression.requested_at is
'When we first meant to push it; null = the provider had it by itself.';
comment on column event.provider_suppression.pushed_at is
'When the provider took it from us; null with requested_at = not yet.';
comment on column event.provider_suppression.refused_at is
'When the provider refused this address; it is offered again only after a newer opt-out.';

create schema kpi;
comment on schema kpi is
'Stage 8, kpis: numerators and denominators an analyst can add up; rates are views over them.';

create table kpi.step_outcome (
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    customer_id text not null,
    variant text not null,
    day date not null,
    decision_id bigint,
    decided_at timestamptz,
    decision_outcome text,
    decision_reason text,
    state text,
    reason text,
    is_open boolean not null,
    accepted_at timestamptz,
    goal_until timestamptz,
    outcome text check (
        outcome in ('pending', 'delivered', 'bounced_hard', 'bounced_soft', 'dropped')
    ),
    takes_credit boolean not null,
    planned_day date,
    held_out_day date,
    skipped_day date,
    accepted_day date,
    delivered_day date,
    opened_day date,
    machine_opened_day date,
    clicked_day date,
    converted_day date,
    bounced_hard_day date,
    bounced_soft_day date,
    dropped_day date,
    unsubscribed_day date,
    complained_day date,
    primary key (enrollment_id, step)
);
create index step_outcome_open on kpi.step_outcome (enrollment_id, step) where is_open;
create index step_outcome_customer on kpi.step_outcome (customer_id, accepted_at) where accepted_at is not null;
create index step_outcome_day on kpi.step_outcome (day);
create index step_outcome_converted on kpi.step_outcome (customer_id) where converted_day is not null;

comment on table kpi.step_outcome is
'What became of each step, one row an enrollment and step: what all campaign numbers are counted from.';
comment on column kpi.step_outcome.enrollment_id is 'Enrollment.';
comment on column kpi.step_outcome.step is 'Step.';
comment on column kpi.step_outcome.campaign is 'Campaign.';
comment on column kpi.step_outcome.customer_id is 'Customer.';
comment on column kpi.step_outcome.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.step_outcome.day is 'Reporting day: of acceptance, else of the final decision.';
comment on column kpi.step_outcome.decision_id is 'Final decision; null = none is kept.';
comment on column kpi.step_outcome.decided_at is 'When it was made.';
comment on column kpi.step_outcome.decision_outcome is 'send, skip, defer, hold.';
comment on column kpi.step_outcome.decision_reason is 'Its reason.';
comment on column kpi.step_outcome.state is 'State of the message; null = there is none.';
comment on column kpi.step_outcome.reason is 'Why nothing was mailed: of the decision, or of the message.';
comment on column kpi.step_outcome.is_open is
'A message may still come or move: looked at again by the next roll-up.';
comment on column kpi.step_outcome.accepted_at is 'When the provider took the mail.';
comment on column kpi.step_outcome.goal_until is 'End of the conversion window.';
comment on column kpi.step_outcome.outcome is 'What became of an accepted mail, one each; pending = nothing heard.';
comment on column kpi.step_outcome.takes_credit is 'An order inside the window may be credited to it.';
comment on column kpi.step_outcome.planned_day is
'Reporting day a message was decided; null = there is none, likewise below.';
comment on column kpi.step_outcome.held_out_day is 'Held out.';
comment on column kpi.step_outcome.skipped_day is 'Skipped for another reason.';
comment on column kpi.step_outcome.accepted_day is 'Taken by the provider.';
comment on column kpi.step_outcome.delivered_day is 'Taken by the mailbox, or proven so by the recipient.';
comment on column kpi.step_outcome.opened_day is 'First human open.';
comment on column kpi.step_outcome.machine_opened_day is 'First machine open.';
comment on column kpi.step_outcome.clicked_day is 'First click.';
comment on column kpi.step_outcome.converted_day is 'Goal reached inside the window.';
comment on column kpi.step_outcome.bounced_hard_day is 'Hard bounce.';
comment on column kpi.step_outcome.bounced_soft_day is 'Soft bounce.';
comment on column kpi.step_outcome.dropped_day is 'Dropped by the provider.';
comment on column kpi.step_outcome.unsubscribed_day is 'Unsubscribed by this mail.';
comment on column kpi.step_outcome.complained_day is 'Spam report.';

create table kpi.campaign_daily (
    day date not null,
    campaign text not null,
    step text not null,
    variant text not null,
    planned bigint not null default 0,
    held_out bigint not null default 0,
    skipped bigint not null default 0,
    accepted bigint not null default 0,
    delivered bigint not null default 0,
    openers bigint not null default 0,
    machine_openers bigint not null default 0,
    clickers bigint not null default 0,
    converters bigint not null default 0,
    revenue numeric(20, 4) default 0,
    currency text,
    bounced_hard bigint not null default 0,
    bounced_soft bigint not null default 0,
    dropped bigint not null default 0,
    unsubscribed bigint not null default 0,
    complained bigint not null default 0,
    primary key (day, campaign, step, variant)
);

comment on table kpi.campaign_daily is
'Counts of a day by what was accepted or decided on it, one row a reporting day, campaign, step and variant.';
comment on column kpi.campaign_daily.day is 'Reporting day: of acceptance, else of the final decision.';
comment on column kpi.campaign_daily.campaign is 'Campaign.';
comment on column kpi.campaign_daily.step is 'Step.';
comment on column kpi.campaign_daily.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.campaign_daily.planned is 'Messages made.';
comment on column kpi.campaign_daily.held_out is 'Steps of customers who are held out.';
comment on column kpi.campaign_daily.skipped is 'Steps skipped for any other reason.';
comment on column kpi.campaign_daily.accepted is 'Messages the provider took.';
comment on column kpi.campaign_daily.delivered is 'Of these: ended in the mailbox.';
comment on column kpi.campaign_daily.openers is 'Of delivered: opened by a human, many opens count once.';
comment on column kpi.campaign_daily.machine_openers is
'Of delivered: opened by a machine, beside and never inside openers.';
comment on column kpi.campaign_daily.clickers is 'Of delivered: clicked.';
comment on column kpi.campaign_daily.converters is 'Of accepted that did not bounce: goal reached inside the window.';
comment on column kpi.campaign_daily.revenue is
'Orders credited, in `currency`; null = several, see campaign_revenue_daily.';
comment on column kpi.campaign_daily.currency is 'ISO 4217; null = no order, or several currencies.';
comment on column kpi.campaign_daily.bounced_hard is 'Of accepted: ended in a hard bounce.';
comment on column kpi.campaign_daily.bounced_soft is 'Of accepted: ended in a soft bounce.';
comment on column kpi.campaign_daily.dropped is 'Of accepted: dropped by the provider.';
comment on column kpi.campaign_daily.unsubscribed is 'Of delivered: unsubscribed by this mail.';
comment on column kpi.campaign_daily.complained is 'Of delivered: spam report.';

create table kpi.event_daily (
    day date not null,
    campaign text not null,
    step text not null,
    variant text not null,
    planned bigint not null default 0,
    held_out bigint not null default 0,
    skipped bigint not null default 0,
    accepted bigint not null default 0,
    delivered bigint not null default 0,
    openers bigint not null default 0,
    machine_openers bigint not null default 0,
    clickers bigint not null default 0,
    converters bigint not null default 0,
    revenue numeric(20, 4) default 0,
    currency text,
    bounced_hard bigint not null default 0,
    bounced_soft bigint not null default 0,
    dropped bigint not null default 0,
    unsubscribed bigint not null default 0,
    complained bigint not null default 0,
    primary key (day, campaign, step, variant)
);

comment on table kpi.event_daily is
'The same counts by the day on which each thing happened, one row a reporting day, campaign, step and variant.';
comment on column kpi.event_daily.day is 'Reporting day on which it happened.';
comment on column kpi.event_daily.campaign is 'Campaign.';
comment on column kpi.event_daily.step is 'Step.';
comment on column kpi.event_daily.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.event_daily.planned is 'Messages decided that day.';
comment on column kpi.event_daily.held_out is 'Steps held out that day.';
comment on column kpi.event_daily.skipped is 'Steps skipped that day.';
comment on column kpi.event_daily.accepted is 'Messages taken that day.';
comment on column kpi.event_daily.delivered is 'Messages that reached the mailbox that day.';
comment on column kpi.event_daily.openers is 'Messages first opened by a human that day.';
comment on column kpi.event_daily.machine_openers is 'Messages first opened by a machine that day.';
comment on column kpi.event_daily.clickers is 'Messages first clicked that day.';
comment on column kpi.event_daily.converters is 'Messages whose goal was reached that day.';
comment on column kpi.event_daily.revenue is 'Credited orders placed that day, in `currency`; null = several.';
comment on column kpi.event_daily.currency is 'ISO 4217; null = no order, or several currencies.';
comment on column kpi.event_daily.bounced_hard is 'Hard bounces that day.';
comment on column kpi.event_daily.bounced_soft is 'Soft bounces that day.';
comment on column kpi.event_daily.dropped is 'Drops that day.';
comment on column kpi.event_daily.unsubscribed is 'Messages by which a person unsubscribed that day.';
comment on column kpi.event_daily.complained is 'Messages reported as spam that day.';

create table kpi.order_credit (
    order_id text primary key,
    customer_id text not null,
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    variant text not null,
    day date not null,
    order_day date not null,
    currency text not null,
    revenue numeric(20, 4) not null
);

comment on table kpi.order_credit is 'Which mail an order is credited to, one row an order.';
comment on column kpi.order_credit.order_id is 'Order, credited once.';
comment on column kpi.order_credit.customer_id is 'Who ordered.';
comment on column kpi.order_credit.enrollment_id is 'Message that takes the credit: the last one before the order…';
comment on column kpi.order_credit.step is '…whose window holds it.';
comment on column kpi.order_credit.campaign is 'Its campaign.';
comment on column kpi.order_credit.variant is 'Its arm.';
comment on column kpi.order_credit.day is 'Its reporting day.';
comment on column kpi.order_credit.order_day is 'Reporting day of the order.';
comment on column kpi.order_credit.currency is 'ISO 4217 of the order; XXX = it names none.';
comment on column kpi.order_credit.revenue is 'Order total.';

create table kpi.campaign_revenue_daily (
    day date not null,
    campaign text not null,
    step text not null,
    variant text not null,
    currency text not null,
    orders bigint not null,
    revenue numeric(20, 4) not null,
    primary key (day, campaign, step, variant, currency)
);

comment on table kpi.campaign_revenue_daily is
'Credited revenue by the mail''s day, one row a reporting day, campaign, step, variant and currency.';
comment on column kpi.campaign_revenue_daily.day is 'Reporting day of the message.';
comment on column kpi.campaign_revenue_daily.campaign is 'Campaign.';
comment on column kpi.campaign_revenue_daily.step is 'Step.';
comment on column kpi.campaign_revenue_daily.variant is 'Arm of the step.';
comment on column kpi.campaign_revenue_daily.currency is 'ISO 4217; XXX = the orders name none.';
comment on column kpi.campaign_revenue_daily.orders is 'Orders credited.';
comment on column kpi.campaign_revenue_daily.revenue is 'Their totals.';

create table kpi.event_revenue_daily (
    day date not null,
    campaign text not null,
    step text not null,
    variant text not null,
    currency text not null,
    orders bigint not null,
    revenue numeric(20, 4) not null,
    primary key (day, campaign, step, variant, currency)
);

comment on table kpi.event_revenue_daily is
'Credited revenue by the order''s day, one row a reporting day, campaign, step, variant and currency.';
comment on column kpi.event_revenue_daily.day is 'Reporting day of the order.';
comment on column kpi.event_revenue_daily.campaign is 'Campaign.';
comment on column kpi.event_revenue_daily.step is 'Step.';
comment on column kpi.event_revenue_daily.variant is 'Arm of the step.';
comment on column kpi.event_revenue_daily.currency is 'ISO 4217; XXX = the orders name none.';
comment on column kpi.event_revenue_daily.orders is 'Orders credited.';
comment on column kpi.event_revenue_daily.revenue is 'Their totals.';

create table kpi.list_movement (
    customer_id text not null,
    day date not null,
    movement text not null check (movement in (
        'joined', 'returned', 'unsubscribed', 'bounced', 'complained', 'sunset', 'withdrawn', 'erased'
    )),
    primary key (customer_id, day, movement)
);
create index list_movement_day on kpi.list_movement (day, movement);

comment on table kpi.list_movement is
'Comings and leavings of the list, one row a customer, reporting day and movement.';
comment on column kpi.list_movement.customer_id is 'Who came or went.';
comment on column kpi.list_movement.day is 'Reporting day.';
comment on column kpi.list_movement.movement is 'What happened; one coming and one leave a customer and day at most.';

create table kpi.list_daily (
    day date primary key,
    opening bigint not null default 0,
    joined bigint not null default 0,
    unsubscribed bigint not null default 0,
    bounced bigint not null default 0,
    complained bigint not null default 0,
    sunset bigint not null default 0,
    withdrawn bigint not null default 0,
    erased bigint not null default 0,
    returned bigint not null default 0,
    closing bigint not null default 0
);

comment on table kpi.list_daily is
'The list day by day, one row a reporting day: opening plus joined and returned, less those who left, is closing.';
comment on column kpi.list_daily.day is 'Reporting day; every day from the first movement on.';
comment on column kpi.list_daily.opening is 'Customers on the list when the day began.';
comment on column kpi.list_daily.joined is 'On the list for the first time.';
comment on column kpi.list_daily.unsubscribed is 'Left by unsubscribing from everything.';
comment on column kpi.list_daily.bounced is 'Left by a hard bounce or a lasting drop.';
comment on column kpi.list_daily.complained is 'Left by a spam report.';
comment on column kpi.list_daily.sunset is 'Left by our policy for the silent.';
comment on column kpi.list_daily.withdrawn is 'Left because permission was withdrawn or no longer confirmed.';
comment on column kpi.list_daily.erased is 'Left by erasure.';
comment on column kpi.list_daily.returned is 'On the list again.';
comment on column kpi.list_daily.closing is 'Customers on the list when the day ended.';

create table kpi.list_change (
    customer_id text not null
);

comment on table kpi.list_change is
'Customers whose place on the list the next roll-up looks at; rows may repeat and are taken away by it.';
comment on column kpi.list_change.customer_id is
'Customer whose permission, suppression or address changed since the last roll-up.';

create table kpi.rolled_load (
    load_id bigint primary key
);

comment on table kpi.rolled_load is 'Loads of feeds that the roll-up has taken in, one row a load.';
comment on column kpi.rolled_load.load_id is 'Finished load of feeds that the roll-up has taken in.';

create table kpi.progress (
    name text primary key,
    value text not null
);

comment on table kpi.progress is 'How far the roll-up has come, one row a thing it follows.';
comment on column kpi.progress.name is 'What: events, decisions:<campaign>, goal:<campaign>, reporting_zone.';
comment on column kpi.progress.value is 'How far, or what it was.';

create table kpi.roll_up (
    roll_up_id bigint generated always as identity primary key,
    rolled_up_at timestamptz not null,
    is_full boolean not null,
    outcomes bigint not null,
    customers bigint not null,
    orders bigint not null
);

comment on table kpi.roll_up is 'Runs of the roll-up, one row a run.';
comment on column kpi.roll_up.roll_up_id is 'One roll-up.';
comment on column kpi.roll_up.rolled_up_at is '`now` of the run.';
comment on column kpi.roll_up.is_full is 'Recomputed everything.';
comment on column kpi.roll_up.outcomes is 'Steps looked at.';
comment on column kpi.roll_up.customers is 'Customers whose list membership was looked at.';
comment on column kpi.roll_up.orders is 'Orders credited anew.';
