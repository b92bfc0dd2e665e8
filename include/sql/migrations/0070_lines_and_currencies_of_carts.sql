-- A product may lie in a cart twice, and amounts say their currency. An order closes the cart that it names.
alter table source.cart add column currency text;
alter table source.cart_line add column line_no integer not null default 0;
alter table source.cart_line add column currency text;
alter table source.cart_line drop constraint cart_line_pkey;
alter table source.cart_line add primary key (cart_id, product_id, line_no);
create index orders_cart on source.orders (cart_id) where cart_id is not null;

comment on column source.orders.cart_id is 'Cart it came from, and closes.';
comment on column source.orders.status is
'A cancelled order never counts; what a refunded one brought went back, so it neither runs out nor was bought again.';
comment on column source.cart.currency is
'ISO 4217, of the prices of its lines; null = each line is in its own currency, else its product''s.';
comment on table source.cart_line is
'What lies in a cart now, one row per cart, product and line: a product may be there twice with other options.';
comment on column source.cart_line.quantity is 'Packs; a line of 0 does not count.';
comment on column source.cart_line.line_no is
'Number of the line; if the feed gives none, the lines of one product are counted from 0 in the order of the file.';
comment on column source.cart_line.currency is 'ISO 4217, of the price; null = the cart''s, else the product''s.';
