-- The permission that stands for each customer in the whole log: source.standing_permission_at has the rule.
-- Grain: one row per customer with any entry.
create or replace view source.standing_permission as
select
    standing.customer_id,
    case when standing.rested_at is null then standing.permission else 'none' end as permission,
    coalesce(standing.rested_at, standing.permission_at) as permission_at
from source.standing_permission_at('infinity') as standing;

comment on view source.standing_permission is
'The permission that stands, from the whole log of consent, one row per customer with any entry.';
comment on column source.standing_permission.customer_id is 'Whose permission.';
comment on column source.standing_permission.permission is 'The permission that stands.';
comment on column source.standing_permission.permission_at is 'Since when.';
