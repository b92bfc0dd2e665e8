-- Whose numbers may lose or win a bought product: the customer of the order, at its time. Called for lines that name
-- another product than before or left, and for products of another type.
create or replace function kpi.note_lines() returns trigger
language plpgsql as $$
begin
    insert into kpi.moved_fact (customer_id, happened_at)
    select distinct orders.customer_id, orders.ordered_at
    from source.orders
    where
        case tg_table_name
            when 'order_line' then orders.order_id = (to_jsonb(old) ->> 'order_id')
            else orders.order_id in (
                select order_line.order_id
                from source.order_line
                where order_line.product_id = (to_jsonb(old) ->> 'product_id')
            )
        end
        and exists (
            select 1 from journey.campaign where campaign.goal_event = 'reordered'
            union all
            select 1 from journey.epoch where epoch.goal_event = 'reordered'
        );
    return null;
end
$$;

create or replace trigger kpi_moved_fact after delete on source.order_line for each row
execute function kpi.note_lines();

create or replace trigger kpi_moved_fact after update on source.product for each row
when (old.product_type is distinct from new.product_type)
execute function kpi.note_lines();
