-- condition: registered
-- value: true
-- what: the customer was registered at the due moment: for the occasion that the occurrence names (occasion_id), else
--   for any since the enrollment. A registration that was cancelled counts until then, and never if the feed does not
--   say when that was.
-- grain: step_due_id, any number of times
-- reads: asked
-- look-back: all registrations for the occasion that the occurrence names; else since the enrollment
select asked.step_due_id
from asked
inner join source.registration
    on
        asked.customer_id = registration.customer_id
        and coalesce(
            asked.context ->> 'occasion_id' = registration.occasion_id,
            asked.enrolled_at < registration.registered_at
        )
where
    registration.registered_at <= asked.due_at
    and (registration.status <> 'cancelled' or registration.status_at > asked.due_at)
