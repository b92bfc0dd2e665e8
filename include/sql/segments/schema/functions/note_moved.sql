-- Who loses a fact because it names another customer now. A refresh of rules finds what a fact is now by its load, and
-- whose it was only here.
create or replace function segment.note_moved() returns trigger
language plpgsql as $$
begin
    insert into segment.moved_fact (customer_id, load_id)
    values (old.customer_id, new.load_id);
    return null;
end
$$;

create or replace trigger segment_moved_fact after update on source.orders for each row
when (old.customer_id is distinct from new.customer_id)
execute function segment.note_moved();

create or replace trigger segment_moved_fact after update on source.cart for each row
when (old.customer_id is distinct from new.customer_id)
execute function segment.note_moved();

create or replace trigger segment_moved_fact after update on source.page_view for each row
when (old.customer_id is distinct from new.customer_id)
execute function segment.note_moved();

create or replace trigger segment_moved_fact after update on source.lead_action for each row
when (old.customer_id is distinct from new.customer_id)
execute function segment.note_moved();

create or replace trigger segment_moved_fact after update on source.review for each row
when (old.customer_id is distinct from new.customer_id)
execute function segment.note_moved();

create or replace trigger segment_moved_fact after update on source.referral for each row
when (old.customer_id is distinct from new.customer_id)
execute function segment.note_moved();

create or replace trigger segment_moved_fact after update on source.registration for each row
when (old.customer_id is distinct from new.customer_id)
execute function segment.note_moved();

create or replace trigger segment_moved_fact after update on source.offer for each row
when (old.customer_id is distinct from new.customer_id and old.customer_id is not null)
execute function segment.note_moved();
