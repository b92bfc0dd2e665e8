-- What each customer has at home of consumables: one row a customer and product, or product type by rhythm,
-- kept from what changed, so that `replenishment_due` reads a range of an index and not every order line.
--
-- Three parts. `supply_at` reckons from the facts: the one definition. `supply` keeps what it says of all facts.
-- `supply_change` names the customers whose facts changed since: their rows do not count until `settle` has
-- reckoned them anew. Triggers name them, so that no writer can forget to.

-- Supplies as the facts timed up to as_of tell them.
-- Grain: one row a (customer, basis, item) with a purchase. Basis `declared`: item is a product, its latest
-- purchase alone counts, runs_out_at = ordered_at + quantity × units_per_pack / daily_use (missing units_per_pack
-- = 1, at most 36,500 days). Basis `rhythm`: item is a product type; the median of the intervals between orders of
-- consumables of that type (3 or more) stands for the supply, counted from the latest order of such a product
-- without a daily use; the slowest delivery of that order counts. Both: reorder_at = runs_out_at − delivery_days.
-- A purchase is an order: lines of one item in one order add up; lines of no quantity and cancelled orders do
-- not count. Durations are reckoned in whole microseconds.
-- Written so that it is inlined, and a condition on customer_id reaches the orders: every step has the customer
-- among its keys.
create function source.supply_at(as_of timestamptz)
returns table (
    customer_id text,
    basis text,
    item text,
    order_id text,
    line_no integer,
    ordered_at timestamptz,
    quantity numeric,
    newest_at timestamptz,
    runs_out_at timestamptz,
    reorder_at timestamptz
)
language sql stable parallel safe as $$
    select
        known.customer_id,
        known.basis,
        known.item,
        known.order_id,
        known.line_no,
        known.ordered_at,
        known.quantity,
        known.newest_at,
        known.ordered_at + known.microseconds * interval '1 microsecond' as runs_out_at,
        known.ordered_at + known.microseconds * interval '1 microsecond'
        - cast(round(86400000000 * known.delivery_days) as double precision) * interval '1 microsecond' as reorder_at
    from (
        select
            step.customer_id,
            step.basis,
            step.item,
            max(step.order_id) filter (where step.is_latest) as order_id,
            max(step.line_no) filter (where step.is_latest) as line_no,
            max(step.ordered_at) filter (where step.is_latest) as ordered_at,
            max(step.quantity) filter (where step.is_latest) as quantity,
            max(step.delivery_days) filter (where step.is_latest) as delivery_days,
            max(step.ordered_at) as newest_at,
            case step.basis
                when 'declared' then cast(round(86400000000 * least(
                    max(step.quantity * step.days) filter (where step.is_latest), 36500
                )) as double precision)
                else round(1000000 * percentile_cont(0.5) within group (order by step.seconds_since))
            end as microseconds
        from (
            select
                purchase.*,
                purchase.counts
                and count(*) filter (where purchase.counts) over newest_first = 1 as is_latest,
                case when purchase.basis = 'rhythm' then date_part(
                    'epoch', purchase.ordered_at - lead(purchase.ordered_at) over newest_first
                ) end as seconds_since
            from (
                select
                    orders.customer_id,
                    way.basis,
                    way.item,
                    orders.order_id,
                    orders.ordered_at,
                    bool_or(way.counts) as counts,
                    min(order_line.line_no) filter (where way.counts) as line_no,
                    sum(order_line.quantity) filter (where way.counts) as quantity,
                    max(way.delivery_days) filter (where way.counts) as delivery_days,
                    max(way.days) as days
                from source.orders
                inner join source.order_line on orders.order_id = order_line.order_id
                inner join (
                    select
                        product.product_id,
                        'declared' as basis,
                        product.product_id as item,
                        true as counts,
                        coalesce(nullif(product.units_per_pack, 0), 1) / product.daily_use as days,
                        coalesce(product.delivery_days, 0) as delivery_days
                    from source.product
                    where product.is_consumable and product.daily_use <> 0
                    union all
                    select
                        product.product_id,
                        'rhythm' as basis,
                        product.product_type as item,
                        coalesce(product.daily_use, 0) = 0 as counts,
                        null as days,
                        coalesce(product.delivery_days, 0) as delivery_days
                    from source.product
                    where
                        product.is_consumable
                        and product.product_type in (
                            select relative.product_type from source.product as relative
                            where relative.is_consumable and coalesce(relative.daily_use, 0) = 0
                        )
                ) as way on order_line.product_id = way.product_id
                where
                    orders.ordered_at <= supply_at.as_of
                    and orders.status <> 'cancelled'
                    and order_line.quantity > 0
                group by orders.customer_id, way.basis, way.item, orders.order_id, orders.ordered_at
            ) as purchase
            window newest_first as (
                partition by purchase.customer_id, purchase.basis, purchase.item
                order by purchase.ordered_at desc, purchase.order_id desc
            )
        ) as step
        group by step.customer_id, step.basis, step.item
        having bool_or(step.counts) and (step.basis = 'declared' or count(*) >= 3)
    ) as known
$$;

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

create table source.supply_change (
    customer_id text not null
);

-- Name the customers whose purchases of consumables a statement changed. A row a change and no key: who settles
-- takes exactly the rows it saw, and a change that commits meanwhile stays.
create function source.note_supply_change() returns trigger
language plpgsql as $$
declare
    columns text := case tg_table_name
        when 'orders' then 'order_id, customer_id, ordered_at, status'
        when 'order_line' then 'order_id, line_no, product_id, quantity'
        else 'product_id, product_type, is_consumable, units_per_pack, daily_use, delivery_days'
    end;
    changed text := case tg_op
        when 'INSERT' then 'select ' || columns || ' from added'
        when 'DELETE' then 'select ' || columns || ' from removed'
        else format(
            '(select %1$s from added except select %1$s from removed) union all'
            ' (select %1$s from removed except select %1$s from added)', columns
        )
    end;
    concerned text := case tg_table_name
        when 'orders' then
            'select changed.customer_id from changed where exists ('
            'select 1 from source.order_line inner join source.product using (product_id)'
            ' where order_line.order_id = changed.order_id and product.is_consumable)'
        when 'order_line' then
            'select orders.customer_id from changed inner join source.product using (product_id)'
            ' inner join source.orders using (order_id) where product.is_consumable'
        else
            'select orders.customer_id from changed inner join source.order_line using (product_id)'
            ' inner join source.orders using (order_id) where changed.is_consumable'
    end;
begin
    -- Planned anew each time: an hour's rows and a first load's millions want different joins.
    execute format(
        'with changed as (%s) insert into source.supply_change (customer_id)'
        ' select distinct customer_id from (%s) as concerned', changed, concerned
    );
    return null;
end
$$;

create trigger orders_inserted after insert on source.orders
referencing new table as added for each statement execute function source.note_supply_change();
create trigger orders_updated after update on source.orders
referencing old table as removed new table as added for each statement execute function source.note_supply_change();
create trigger orders_deleted after delete on source.orders
referencing old table as removed for each statement execute function source.note_supply_change();

create trigger order_line_inserted after insert on source.order_line
referencing new table as added for each statement execute function source.note_supply_change();
create trigger order_line_updated after update on source.order_line
referencing old table as removed new table as added for each statement execute function source.note_supply_change();
create trigger order_line_deleted after delete on source.order_line
referencing old table as removed for each statement execute function source.note_supply_change();

create trigger product_inserted after insert on source.product
referencing new table as added for each statement execute function source.note_supply_change();
create trigger product_updated after update on source.product
referencing old table as removed new table as added for each statement execute function source.note_supply_change();
create trigger product_deleted after delete on source.product
referencing old table as removed for each statement execute function source.note_supply_change();

-- What a warehouse has loaded before.
insert into source.supply (
    customer_id, basis, item, order_id, line_no, ordered_at, quantity, newest_at, runs_out_at, reorder_at
)
select
    known.customer_id,
    known.basis,
    known.item,
    known.order_id,
    known.line_no,
    known.ordered_at,
    known.quantity,
    known.newest_at,
    known.runs_out_at,
    known.reorder_at
from source.supply_at('infinity') as known;

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

comment on table source.supply_change is
'Customers whose purchases of consumables changed since their rows in source.supply were reckoned, one row a change.';
comment on column source.supply_change.customer_id is 'Whose rows do not count until settled.';

-- What a load asks of the orders of the customers it touches, without reading the orders themselves.
drop index source.orders_customer;
create index orders_customer on source.orders (customer_id, ordered_at) include (order_id, status);

-- Departures of a day are looked up by their time, not by reading the whole segment.
create index membership_left on segment.membership (segment, left_at) where left_at is not null;
