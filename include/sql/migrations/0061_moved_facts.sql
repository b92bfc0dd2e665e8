-- A fact that changes its customer, or its time, changes the numbers of the customer who had it before.
create table if not exists kpi.moved_fact (
    customer_id text not null,
    happened_at timestamptz not null
);

comment on table kpi.moved_fact is
'Facts that a customer no longer has, or has at another time; rows may repeat, and the next roll-up deletes them.';
comment on column kpi.moved_fact.customer_id is 'Customer who had the fact before.';
comment on column kpi.moved_fact.happened_at is 'When it had happened.';
