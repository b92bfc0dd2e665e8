-- What rules ask about: place and tier of customers, proof of consent, contracts, occasions, registrations, referrals
-- that led to an order, and offers of other kinds.
alter table source.customer add column region text;
alter table source.customer add column city text;
alter table source.customer add column tier text;
comment on column source.customer.region is 'Region, state or province, as the feed writes it.';
comment on column source.customer.city is 'City, as the feed writes it.';
comment on column source.customer.tier is 'Tier of the shop''s loyalty programme, as the feed writes it.';

alter table source.permission_change add column permission_wording text;
alter table source.permission_change add column permission_source text;
comment on table source.permission_change is
'The log of consent, one row each time something was said. Only an erasure changes rows, and a feed that brings the '
'proof of an entry later.';
comment on column source.permission_change.permission_wording is
'Proof: the words that the person agreed to or refused, as the feed quotes them; emptied by an erasure.';
comment on column source.permission_change.permission_source is
'Proof: the place of it (a form, a page, a till), as the feed says it; emptied by an erasure.';

alter table source.referral add column ordered_at timestamptz;
create index referral_customer on source.referral (customer_id, referred_at);
create index referral_referred on source.referral (referred_customer_id) where referred_customer_id is not null;
comment on column source.referral.referred_customer_id is 'The friend, once known; emptied by the friend''s erasure.';
comment on column source.referral.ordered_at is 'First order of the friend; null = none yet.';

alter table source.offer add column kind text check (kind in ('percent', 'amount', 'free_shipping', 'gift'));
alter table source.offer add column amount numeric(14, 4) check (amount >= 0);
alter table source.offer add column currency text;
comment on column source.offer.kind is 'percent, amount, free_shipping or gift; null = the feed does not say.';
comment on column source.offer.amount is 'Discount, in currency.';
comment on column source.offer.currency is 'ISO 4217, of the amount; null = it names none.';

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
