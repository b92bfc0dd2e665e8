-- A value that cannot be read is set aside by itself, and its row is loaded without it.
-- formerly: 91c21da9b893c6395deb49c70d2c9fd0
alter table source.rejected add column is_loaded boolean not null default false;

comment on column source.rejected.is_loaded is
'The row was loaded without the values of the columns that detail names; false = the whole row was refused.';

-- An erasure is of a person. The hash of their address keeps customers out who come with it later, and nobody who was
-- known before: which is which is told by the number of the load, since loads and erasures wait for each other.
alter table source.customer add column first_load_id bigint not null default 0;
alter table source.erased_address add column load_id bigint not null default 0;

comment on column source.customer.first_load_id is
'Load that brought the customer first; 0 = known since before migration 0032.';
comment on column source.erased_address.load_id is
'Newest load before the newest erasure at this address: a customer whose first_load_id is later is not loaded with it.';
comment on column source.erased_address.erased_at is 'When; where several people had the address, the newest time.';
comment on table source.erased_address is
'Addresses of erased people as keyed hashes, one row an address: nobody who is not known before comes in with one.';

-- The newest row of a cart could not be read: the cart may be ordered or emptied by now.
alter table source.cart drop constraint cart_status_check;
alter table source.cart
add constraint cart_status_check check (status in ('open', 'ordered', 'emptied', 'unreadable'));

comment on column source.cart.status is
'Latest state; unreadable = the newest row of an open cart was refused and source.rejected names it: not mailed until '
'a row says again what the cart is.';
