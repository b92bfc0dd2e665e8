-- Ingest and roll-up at the price of what is new. Indexes of raw events that no statement reads are gone.

-- Whether events are newer than a moment is asked of the steps of the ingest, not of every event.
alter table event.batch add column newest_at timestamptz;
comment on column event.batch.newest_at is 'Newest event that was new; null = none was.';
update event.batch
set newest_at = newest.occurred_at
from (select max(event.occurred_at) as occurred_at from event.event) as newest
where batch.batch_id = (select max(latest.batch_id) from event.batch as latest);
drop index event.event_time;
drop index event.event_batch;

-- An address is only ever looked up whole: an erasure.
drop index event.event_address;
create index event_address on event.event using hash (address);

-- Once a statement instead of once a row.
drop trigger kpi_list_change on event.suppression;
drop function kpi.note_suppression();
create function kpi.note_suppressions() returns trigger
language plpgsql as $$
begin
    insert into kpi.list_change (customer_id)
    select distinct customer.customer_id
    from changed
    inner join source.customer on changed.address = customer.address;
    return null;
end
$$;
create trigger kpi_list_change_insert after insert on event.suppression
referencing new table as changed for each statement execute function kpi.note_suppressions();
create trigger kpi_list_change_update_to after update on event.suppression
referencing new table as changed for each statement execute function kpi.note_suppressions();
create trigger kpi_list_change_update_from after update on event.suppression
referencing old table as changed for each statement execute function kpi.note_suppressions();
create trigger kpi_list_change_delete after delete on event.suppression
referencing old table as changed for each statement execute function kpi.note_suppressions();

-- A roll-up looks at what changed, however long the history: orders by their key, a customer's reached goals apart
-- from all their mails.
drop index kpi.order_credit_customer;
create index step_outcome_converted on kpi.step_outcome (customer_id) where converted_day is not null;
