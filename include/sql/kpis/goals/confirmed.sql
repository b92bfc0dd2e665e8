-- goal: confirmed
-- what: the customer said yes to mail: on our page, or as the shop reports it.
-- reached-by: everyone
-- grain: one row per yes
-- reads: asked
-- look-back: the window
select permission_change.permission_at as reached_at
from asked
inner join source.permission_change
    on
        asked.customer_id = permission_change.customer_id
        and permission_change.permission_at between asked.since and asked.till
where asked.goal = 'confirmed' and permission_change.permission = 'confirmed'
