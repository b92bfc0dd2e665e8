-- A word about permission that cannot be read never leaves a yes standing: mailing rests until the feed says a word
-- that can be read, or the person says yes themself.
-- formerly: 964d974b3f8d180a33862a09afa70e72
create table source.permission_rest (
    customer_id text not null,
    rested_at timestamptz not null,
    resumed_at timestamptz,
    load_id bigint not null,
    resumed_load_id bigint,
    file text not null,
    line bigint,
    primary key (customer_id, rested_at)
);
create unique index permission_rest_now on source.permission_rest (customer_id) where resumed_at is null;

comment on table source.permission_rest is
'Times in which mailing rests because the newest word of the feed about permission could not be read, one row a '
'customer and time.';
comment on column source.permission_rest.customer_id is 'Whose mailing rests.';
comment on column source.permission_rest.rested_at is 'Time of the load that brought the word.';
comment on column source.permission_rest.resumed_at is
'Time of the load that brought the next word that could be read, or of the person''s own word; null = it still rests.';
comment on column source.permission_rest.load_id is 'Load that brought the word.';
comment on column source.permission_rest.resumed_load_id is
'Load that brought the next word that could be read; null where no load did.';
comment on column source.permission_rest.file is 'Feed file of the word.';
comment on column source.permission_rest.line is
'Line in it, as in source.rejected, which has the reason and the row.';
