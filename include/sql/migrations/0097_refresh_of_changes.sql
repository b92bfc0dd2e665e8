-- A refresh of rules reads only the customers whose facts changed since the refresh before.
alter table segment.refresh
add column load_id bigint,
add column batch_id bigint,
add column definition_md5 text,
add column read_whole_at timestamptz;

comment on column segment.refresh.load_id is 'Last load whose rows it knows; null = the next refresh reads everything.';
comment on column segment.refresh.batch_id is 'Last step of an ingest whose events it knows.';
comment on column segment.refresh.definition_md5 is 'Checksum of the select: another one reads everything.';
comment on column segment.refresh.read_whole_at is 'as_of of the last refresh that read everything.';

create table segment.moved_fact (
    customer_id text not null,
    load_id bigint not null
);
create index moved_fact_load on segment.moved_fact (load_id);

comment on table segment.moved_fact is 'Customers who lost a fact to another customer, one row per fact and load.';
comment on column segment.moved_fact.customer_id is 'Who had the fact before.';
comment on column segment.moved_fact.load_id is 'Load that moved it.';

-- Facts of an hour are found by their time, whenever they were loaded.
create index orders_time on source.orders (ordered_at);
create index page_view_time on source.page_view using brin (viewed_at);
create index order_line_load on source.order_line using brin (load_id);
