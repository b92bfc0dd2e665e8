-- Stage 1, sources: the shop's facts as the feeds tell them, and one activity row a customer.
-- load_id carries no foreign key: its check cost 5 of 20 seconds of a load of 1.5 million lines.
create schema source;

create table source.load (
    load_id bigint generated always as identity primary key, -- one run of `load`
    started_at timestamptz not null default now(),       -- when the load began
    finished_at timestamptz,                             -- when it was committed
    counts jsonb not null default '{}'                   -- rows loaded and rejected, by feed
);

create table source.customer (
    customer_id text primary key,                        -- the shop's key
    email text,                                          -- address as given; null only after erasure
    address text generated always as (lower(email)) stored, -- address as compared: lower case
    created_at timestamptz not null,                     -- sign-up
    first_name text,                                     -- given name
    last_name text,                                      -- family name
    locale text,                                         -- BCP 47, e.g. en-GB
    timezone text,                                       -- IANA zone; null counts as UTC
    country text,                                        -- ISO 3166-1 alpha-2, upper case
    currency text,                                       -- ISO 4217, upper case
    birthday date,                                       -- date of birth
    signup_source text,                                  -- where the customer came from
    permission text not null default 'none'
        check (permission in ('none', 'pending', 'confirmed', 'withdrawn')), -- newest entry of the consent log
    permission_at timestamptz,                           -- when that permission was given or withdrawn
    erased_at timestamptz,                               -- set by erasure; personal columns are null then
    load_id bigint not null,                             -- load that last wrote the row
    check (email is not null or erased_at is not null)
);
create index customer_address on source.customer (address);
create index customer_erased on source.customer (customer_id) where erased_at is not null;

create table source.permission_change (
    customer_id text not null,                           -- whose permission
    permission text not null
        check (permission in ('none', 'pending', 'confirmed', 'withdrawn')), -- what was said
    permission_at timestamptz not null,                  -- when it was said
    origin text not null,                                -- feed, unsubscribe, sunset…
    load_id bigint,                                      -- load that brought it, if a feed did
    recorded_at timestamptz not null default now(),      -- when it was written here
    primary key (customer_id, permission_at, permission)
);

-- The permission that stands for each customer in the log: the one rule of consent.
--   1. A withdrawal stands, whatever a feed says before or after, until the person says otherwise
--      themself (an entry that no feed brought) at a later instant. The first that stands gives the time.
--   2. Otherwise the newest permission_at wins; at the same instant the later in the life of a permission:
--      none, pending, confirmed.
-- Grain: one row a customer with any entry. The order in which entries were recorded plays no part.
create view source.standing_permission as
select distinct on (customer_id)
    customer_id,                                         -- whose permission
    permission,                                          -- what stands
    permission_at                                        -- since when
from (
    select
        customer_id,
        permission,
        permission_at,
        max(permission_at) filter (where origin <> 'feed' and permission <> 'withdrawn')
            over (partition by customer_id) as returned_at
    from source.permission_change
) as entry
where permission <> 'withdrawn' or returned_at is null or permission_at >= returned_at
order by
    customer_id asc,
    permission = 'withdrawn' desc,
    case when permission = 'withdrawn' then permission_at end asc,
    permission_at desc,
    array_position(array['none', 'pending', 'confirmed'], permission) desc;

create table source.erased_address (
    address_hash bytea primary key,                      -- keyed hash of the erased address
    erased_at timestamptz not null                       -- when
);

-- The keyed hash under which an erased address is remembered (HMAC's shape, of built-in functions).
create function source.address_hash(address text, link_secret text) returns bytea
language sql immutable parallel safe as $$
    select sha256(
        convert_to(link_secret, 'UTF8')
        || sha256(convert_to(link_secret, 'UTF8') || convert_to(lower(address), 'UTF8'))
    )
$$;

create table source.product (
    product_id text primary key,                         -- the shop's key
    name text not null,                                  -- as customers know it
    product_type text,                                   -- kind of product; rhythm of repurchase is learned per type
    category text,                                       -- department
    price numeric(14, 4),                                -- list price, in currency
    currency text,                                       -- ISO 4217
    is_consumable boolean not null default false,        -- used up, and so replenished
    units_per_pack numeric(14, 4),                       -- units in one pack
    daily_use numeric(14, 4),                            -- units a day a customer uses
    delivery_days numeric(8, 2),                         -- days from order to arrival
    goods_kind text check (goods_kind in ('soft', 'hard')), -- soft or hard goods
    upgrade_product_id text,                             -- the dearer relative
    url text,                                            -- product page
    image_url text,                                      -- picture
    load_id bigint not null                              -- load that last wrote the row
);

create table source.orders (
    order_id text primary key,                           -- the shop's key
    customer_id text not null,                           -- who ordered
    ordered_at timestamptz not null,                     -- when
    total numeric(14, 4) not null check (total >= 0),    -- order total, in currency
    currency text,                                       -- ISO 4217
    cart_id text,                                        -- cart it came from
    delivered_at timestamptz,                            -- when the goods arrived
    offer_code text,                                     -- offer redeemed
    status text not null default 'placed'
        check (status in ('placed', 'cancelled', 'refunded')), -- a cancelled order never counts
    load_id bigint not null                              -- load that last wrote the row
);
create index orders_customer on source.orders (customer_id, ordered_at);
create index orders_load on source.orders (load_id);

create table source.order_line (
    order_id text not null,                              -- order
    line_no integer not null,                            -- line in the order
    product_id text not null,                            -- product bought
    quantity numeric(14, 4) not null check (quantity >= 0), -- packs bought
    unit_price numeric(14, 4) not null check (unit_price >= 0), -- price a pack, in the order's currency
    load_id bigint not null,                             -- load that last wrote the row
    primary key (order_id, line_no)
);
create index order_line_product on source.order_line (product_id);

create table source.cart (
    cart_id text primary key,                            -- the shop's key
    customer_id text not null,                           -- whose cart
    created_at timestamptz not null,                     -- first item
    updated_at timestamptz not null,                     -- last change; only the latest state is kept
    status text not null check (status in ('open', 'ordered', 'emptied')), -- latest state
    url text,                                            -- link back to the cart
    load_id bigint not null                              -- load that last wrote the row
);
create index cart_customer on source.cart (customer_id, updated_at);
create index cart_open on source.cart (updated_at) where status = 'open';

create table source.cart_line (
    cart_id text not null,                               -- cart
    product_id text not null,                            -- product in it
    quantity numeric(14, 4) not null check (quantity >= 0), -- packs
    unit_price numeric(14, 4) not null check (unit_price >= 0), -- price a pack
    load_id bigint not null,                             -- load that last wrote the row
    primary key (cart_id, product_id)
);

create table source.page_view (
    view_id text primary key,                            -- the shop's key
    customer_id text not null,                           -- who looked
    viewed_at timestamptz not null,                      -- when
    product_id text,                                     -- product page, if one
    topic text,                                          -- topic page, if one
    seconds_on_page numeric(10, 2) check (seconds_on_page >= 0), -- time on the page
    load_id bigint not null                              -- load that last wrote the row
);
create index page_view_customer on source.page_view (customer_id, viewed_at);

create table source.lead_action (
    action_id text primary key,                          -- the shop's key
    customer_id text not null,                           -- who acted
    kind text not null,                                  -- subscribe, download, webinar, event, feature_use…
    subject text,                                        -- what it was about
    acted_at timestamptz not null,                       -- when
    load_id bigint not null                              -- load that last wrote the row
);
create index lead_action_customer on source.lead_action (customer_id, acted_at);

create table source.review (
    review_id text primary key,                          -- the shop's key
    customer_id text not null,                           -- who wrote it
    product_id text not null,                            -- about what
    order_id text,                                       -- bought with
    rating numeric(4, 2) not null,                       -- as given
    reviewed_at timestamptz not null,                    -- when
    load_id bigint not null                              -- load that last wrote the row
);
create index review_customer on source.review (customer_id, reviewed_at);

create table source.referral (
    referral_id text primary key,                        -- key of the referral
    customer_id text not null,                           -- who referred
    referred_customer_id text,                           -- the friend, once known
    referred_at timestamptz not null,                    -- when
    load_id bigint not null                              -- load that last wrote the row
);

create table source.offer (
    offer_code text primary key,                         -- the code a customer types
    customer_id text,                                    -- whose personal offer; null = everyone's
    campaign text,                                       -- campaign that gave it
    percent numeric(6, 3) check (percent >= 0 and percent <= 100), -- discount, percent
    valid_from timestamptz not null,                     -- first instant it is valid
    valid_until timestamptz not null,                    -- last instant it is valid
    redeemed_at timestamptz,                             -- when it was used
    load_id bigint not null                              -- load that last wrote the row
);
create index offer_customer on source.offer (customer_id);

create table source.rejected (
    rejected_id bigint generated always as identity primary key, -- one row refused
    load_id bigint not null references source.load,      -- load that refused it first
    feed text not null,                                  -- customers, orders…
    file text not null,                                  -- file name
    line bigint,                                         -- line of a text file, row of another, from 1; null = the whole file
    customer_id text,                                    -- whose row it was, where that could be read: erasure finds it
    reason text not null,                                -- named reason, e.g. negative_quantity
    detail text,                                         -- what was wrong, without the row's personal values
    row_text text,                                       -- the row as it came
    row_md5 text not null,                               -- md5 of row_text: a second load of the file adds nothing
    rejected_at timestamptz not null default now(),      -- when
    unique nulls not distinct (feed, file, line, reason, row_md5)
);
create index rejected_load on source.rejected (load_id);

create table source.customer_activity (
    customer_id text primary key,                        -- one row a customer with any fact
    first_order_at timestamptz,                          -- first order that was not cancelled
    last_order_at timestamptz,                           -- last order that was not cancelled
    order_count bigint not null default 0,               -- orders that were not cancelled
    last_view_at timestamptz,                            -- last page view
    last_open_at timestamptz,                            -- last human open
    last_click_at timestamptz,                           -- last human click
    last_activity_at timestamptz generated always as (
        greatest(last_order_at, last_view_at, last_open_at, last_click_at)
    ) stored                                             -- newest of the four: the fast path holds for as_of at or after it
);
create index customer_activity_last on source.customer_activity (last_activity_at);
