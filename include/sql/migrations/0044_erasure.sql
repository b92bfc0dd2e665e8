-- What an erasure needs to keep later rows about a person out, in every feed.
create index rejected_erased on source.rejected (customer_id) where reason = 'erased' and feed = 'customers';

create table source.erased_fact (
    feed text not null,
    fact_id text not null,
    primary key (feed, fact_id)
);

comment on table source.erased_fact is
'Orders, carts and the like of erased people that were set aside, one row per key: their lines are set aside too.';
comment on column source.erased_fact.feed is 'Feed of the row that was set aside.';
comment on column source.erased_fact.fact_id is 'Its key.';
