-- What: note what this file says, new or not.
-- Grain: one row per word.
-- Parameters: none. Look-back: none.
insert into feed_said (customer_id, address, permission, permission_at)
select
    staged.customer_id,
    '' as address,
    staged.permission,
    staged.permission_at
from staged
where staged.permission is not null
union all
select
    heard.customer_id,
    case when heard.customer_id = '' then heard.address else '' end as address,
    heard.permission,
    heard.permission_at
from heard
where heard.permission = 'withdrawn'
