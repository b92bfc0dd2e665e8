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
