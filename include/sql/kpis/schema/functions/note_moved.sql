-- Whose numbers lose a fact: the customer who had it before, at the time it had before. The roll-up finds what a fact
-- is now by its load; what it was is known only here. Written with the change, in the same transaction, so that a
-- roll-up misses nothing. The argument of the trigger names the column of the fact's time.
create or replace function kpi.note_moved() returns trigger
language plpgsql as $$
begin
    insert into kpi.moved_fact (customer_id, happened_at)
    values (old.customer_id, (to_jsonb(old) ->> tg_argv[0])::timestamptz);
    return null;
end
$$;

create or replace trigger kpi_moved_fact after update on source.orders for each row
when (old.customer_id is distinct from new.customer_id or old.ordered_at is distinct from new.ordered_at)
execute function kpi.note_moved('ordered_at');

create or replace trigger kpi_moved_fact after update on source.page_view for each row
when (old.customer_id is distinct from new.customer_id or old.viewed_at is distinct from new.viewed_at)
execute function kpi.note_moved('viewed_at');

create or replace trigger kpi_moved_fact after update on source.review for each row
when (old.customer_id is distinct from new.customer_id or old.reviewed_at is distinct from new.reviewed_at)
execute function kpi.note_moved('reviewed_at');

create or replace trigger kpi_moved_fact after update on source.offer for each row
when (
    old.customer_id is not null
    and old.redeemed_at is not null
    and (old.customer_id is distinct from new.customer_id or old.redeemed_at is distinct from new.redeemed_at)
)
execute function kpi.note_moved('redeemed_at');

-- An erasure deletes the answers of a person.
create or replace trigger kpi_moved_fact after delete on event.survey_answer for each row
execute function kpi.note_moved('answered_at');

create or replace trigger kpi_moved_fact after update on source.referral for each row
when (
    old.ordered_at is not null
    and (old.customer_id is distinct from new.customer_id or old.ordered_at is distinct from new.ordered_at)
)
execute function kpi.note_moved('ordered_at');

create or replace trigger kpi_moved_fact after update on source.registration for each row
when (old.customer_id is distinct from new.customer_id or old.registered_at is distinct from new.registered_at)
execute function kpi.note_moved('registered_at');
