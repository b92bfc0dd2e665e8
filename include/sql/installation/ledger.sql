-- The tables that `migrate` needs first: which migrations were applied, and which text of each function and view.
create schema if not exists installation;

create table if not exists installation.migration (
    name text primary key,
    md5 text not null,
    applied_at timestamptz not null default now()
);

create table if not exists installation.definition (
    file text primary key,
    identity text not null,
    md5 text not null,
    applied_at timestamptz not null default now()
);

comment on table installation.migration is 'Migrations applied to this database, one row per file.';
comment on column installation.migration.name is 'File name without its ending.';
comment on column installation.migration.md5 is 'Checksum of the file as it was applied.';
comment on column installation.migration.applied_at is 'When it was applied.';

comment on table installation.definition is 'Functions and views as they were last applied, one row per file.';
comment on column installation.definition.file is 'Place below include/sql, without its ending.';
comment on column installation.definition.identity is 'The function with its argument types, or the view.';
comment on column installation.definition.md5 is 'Checksum of the file as it was applied.';
comment on column installation.definition.applied_at is 'When it was applied.';
