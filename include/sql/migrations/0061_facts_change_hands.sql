-- A fact that changes its customer, or its time, changes the numbers of the customer who had it before.
create table kpi.fact_change (
    customer_id text not null,
    happened_at timestamptz not null
);

comment on table kpi.fact_change is
'Facts that a customer no longer has, or has at another time; rows may repeat, and the next roll-up deletes them.';
comment on column kpi.fact_change.customer_id is 'Customer who had the fact before.';
comment on column kpi.fact_change.happened_at is 'When it had happened.';
