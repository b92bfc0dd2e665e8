-- A word about permission that cannot be read never leaves a yes standing: mailing rests until the feed says a word
-- that can be read, or the person says yes themself.
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

-- The permission that stands for each customer in the log: the one rule of consent.
--   1. A withdrawal stands, whatever a feed says before or after, until the person says otherwise
--      themself (an entry that no feed brought) at a later instant. The first that stands gives the time.
--   2. Otherwise the newest permission_at wins; at the same instant the later in the life of a permission:
--      none, pending, confirmed.
--   3. While mailing rests (source.permission_rest), pending and confirmed count as none, unless the person said
--      otherwise themself since.
-- Grain: one row a customer with any entry. The order in which entries were recorded plays no part.
create or replace view source.standing_permission as
select distinct on (entry.customer_id)
    entry.customer_id,
    case when rest.customer_id is null then entry.permission else 'none' end as permission,
    case when rest.customer_id is null then entry.permission_at else rest.rested_at end as permission_at
from (
    select
        customer_id,
        permission,
        permission_at,
        max(permission_at) filter (where origin <> 'feed' and permission <> 'withdrawn')
            over (partition by customer_id) as returned_at
    from source.permission_change
) as entry
left join source.permission_rest as rest
    on
        entry.customer_id = rest.customer_id
        and rest.resumed_at is null
        and entry.permission in ('pending', 'confirmed')
        and (entry.returned_at is null or entry.returned_at < rest.rested_at)
where entry.permission <> 'withdrawn' or entry.returned_at is null or entry.permission_at >= entry.returned_at
order by
    entry.customer_id asc,
    entry.permission = 'withdrawn' desc,
    case when entry.permission = 'withdrawn' then entry.permission_at end asc,
    entry.permission_at desc,
    array_position(array['none', 'pending', 'confirmed'], entry.permission) desc;

-- A rest that begins or ends changes who is on the list.
create trigger kpi_list_change after insert on source.permission_rest
referencing new table as changed for each statement execute function kpi.note_permissions();
create trigger kpi_list_change_again after update on source.permission_rest
referencing new table as changed for each statement execute function kpi.note_permissions();
