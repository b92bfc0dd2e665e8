-- The moments at which something happened that may bring these customers to the list or take them off it. The table is
-- dropped with the transaction.
-- grain: one row per customer and moment
create temporary table kpi_turn on commit drop as
select
    person.customer_id,
    permission_change.permission_at as turned_at
from kpi_person as person
inner join source.permission_change on person.customer_id = permission_change.customer_id
union
-- What others at the mailbox said, and what they said later that takes it back.
select
    person.customer_id,
    entry.permission_at as turned_at
from kpi_person as person
inner join source.permission_change as other
    on
        person.address = other.address
        and person.customer_id <> other.customer_id
        and other.permission = 'withdrawn'
        and other.origin not in ('sunset', 'erasure')
inner join source.permission_change as entry on other.customer_id = entry.customer_id
where other.customer_id <> '' or entry.address = other.address
union
select
    person.customer_id,
    other.permission_at as turned_at
from kpi_person as person
inner join source.permission_change as own on person.customer_id = own.customer_id and own.permission = 'withdrawn'
inner join source.permission_change as other
    on own.address = other.address and other.permission = 'confirmed' and other.origin <> 'feed'
union
select
    person.customer_id,
    other.permission_at as turned_at
from kpi_person as person
inner join source.permission_change as other
    on person.address = other.address and other.permission in ('confirmed', 'lifted') and other.origin <> 'feed'
union
select
    person.customer_id,
    permission_rest.rested_at as turned_at
from kpi_person as person
inner join source.permission_rest on person.customer_id = permission_rest.customer_id
union
select
    person.customer_id,
    permission_rest.resumed_at as turned_at
from kpi_person as person
inner join source.permission_rest on person.customer_id = permission_rest.customer_id
where permission_rest.resumed_at is not null
union
select
    person.customer_id,
    suppression.suppressed_at as turned_at
from kpi_person as person
inner join event.suppression on person.address = suppression.address and suppression.scope not like 'topic:%'
union
select
    person.customer_id,
    suppression.lifted_at as turned_at
from kpi_person as person
inner join event.suppression on person.address = suppression.address and suppression.scope not like 'topic:%'
where suppression.lifted_at is not null
union
select
    person.customer_id,
    person.erased_at as turned_at
from kpi_person as person
where person.erased_at is not null
