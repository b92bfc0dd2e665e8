-- An order that names a cart counts for the series about this cart, also if another customer placed it.
create table if not exists kpi.cart_order (
    order_id text not null,
    campaign text not null,
    customer_id text not null,
    placed_by text not null,
    ordered_at timestamptz not null,
    is_first boolean not null,
    as_of timestamptz not null,
    primary key (order_id, campaign, customer_id)
);
create index if not exists cart_order_customer on kpi.cart_order (customer_id, campaign, ordered_at);

comment on table kpi.cart_order is
'For whom orders count that name a cart and that another customer placed, one row per order_id, campaign and '
'customer_id: in a campaign with series about the cart, for the customers of these series alone.';
comment on column kpi.cart_order.order_id is 'Order that names the cart.';
comment on column kpi.cart_order.campaign is 'Campaign that had begun a series about the cart.';
comment on column kpi.cart_order.customer_id is 'Customer of such a series.';
comment on column kpi.cart_order.placed_by is 'Who ordered.';
comment on column kpi.cart_order.ordered_at is 'When.';
comment on column kpi.cart_order.is_first is
'The first series about the cart is this customer''s, so a holdout counts the order for them.';
comment on column kpi.cart_order.as_of is '`now` of the roll-up that last wrote the row.';

comment on column kpi.order_credit.customer_id is
'Whose mail takes the credit; another customer may have placed an order that names the cart.';

-- It has a parameter more now.
drop function if exists kpi.goal_facts(text, text, text, timestamptz, timestamptz);
