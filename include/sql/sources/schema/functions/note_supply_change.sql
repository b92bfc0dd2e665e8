-- Note the customers whose purchases of consumables a statement changed. The table has one row per change and no key.
-- Settling deletes exactly the rows that it saw. A change that is committed meanwhile stays for the next time.
create or replace function source.note_supply_change() returns trigger
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
    -- Planned again each time, because an hour's rows and the millions of a first load need different joins.
    execute format(
        'with changed as (%s) insert into source.supply_change (customer_id)'
        ' select distinct customer_id from (%s) as concerned', changed, concerned
    );
    return null;
end
$$;

create or replace trigger orders_inserted after insert on source.orders
referencing new table as added for each statement execute function source.note_supply_change();

create or replace trigger orders_updated after update on source.orders
referencing old table as removed new table as added for each statement execute function source.note_supply_change();

create or replace trigger orders_deleted after delete on source.orders
referencing old table as removed for each statement execute function source.note_supply_change();

create or replace trigger order_line_inserted after insert on source.order_line
referencing new table as added for each statement execute function source.note_supply_change();

create or replace trigger order_line_updated after update on source.order_line
referencing old table as removed new table as added for each statement execute function source.note_supply_change();

create or replace trigger order_line_deleted after delete on source.order_line
referencing old table as removed for each statement execute function source.note_supply_change();

create or replace trigger product_inserted after insert on source.product
referencing new table as added for each statement execute function source.note_supply_change();

create or replace trigger product_updated after update on source.product
referencing old table as removed new table as added for each statement execute function source.note_supply_change();

create or replace trigger product_deleted after delete on source.product
referencing old table as removed for each statement execute function source.note_supply_change();
