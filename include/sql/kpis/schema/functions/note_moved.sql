-- A fact that now belongs to another customer may have reached a goal of the former one. Written with the change, in the
-- same transaction, so that a roll-up misses none. The argument names the column of its moment.
create or replace function kpi.note_moved() returns trigger
language plpgsql as $$
begin
    insert into kpi.moved_fact (customer_id, happened_at)
    select old.customer_id, moment.happened_at
    from (select cast(to_jsonb(old) ->> tg_argv[0] as timestamptz) as happened_at) as moment
    where old.customer_id is not null and moment.happened_at is not null;
    return null;
end
$$;

create or replace trigger kpi_moved_fact after update on source.orders for each row
when (old.customer_id is distinct from new.customer_id) execute function kpi.note_moved('ordered_at');
create or replace trigger kpi_moved_fact after update on source.page_view for each row
when (old.customer_id is distinct from new.customer_id) execute function kpi.note_moved('viewed_at');
create or replace trigger kpi_moved_fact after update on source.review for each row
when (old.customer_id is distinct from new.customer_id) execute function kpi.note_moved('reviewed_at');
create or replace trigger kpi_moved_fact after update on source.offer for each row
when (old.customer_id is distinct from new.customer_id) execute function kpi.note_moved('redeemed_at');
