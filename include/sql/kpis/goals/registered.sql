-- goal: registered
-- what: the customer registered for an occasion, and did not cancel.
-- reached-by: everyone
-- grain: one row per registration
-- reads: asked
-- look-back: the window
select registration.registered_at as reached_at
from asked
inner join source.registration
    on asked.customer_id = registration.customer_id and registration.registered_at between asked.since and asked.till
where asked.goal = 'registered' and registration.status <> 'cancelled'
