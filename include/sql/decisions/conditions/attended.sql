-- condition: attended
-- value: true
-- what: the customer had attended by the due moment: the occasion that the occurrence names (occasion_id), else any
--   since the enrollment. Attendance counts from the time that the feed gives, else from the beginning of the occasion,
--   else from the registration.
-- grain: step_due_id, any number of times
-- reads: asked
-- look-back: the occasion that the occurrence names; else since the enrollment
select asked.step_due_id
from asked
inner join source.registration on asked.customer_id = registration.customer_id
left join source.occasion on registration.occasion_id = occasion.occasion_id
cross join
    lateral (
        select coalesce(registration.status_at, occasion.starts_at, registration.registered_at) as at
    ) as there
where
    registration.status = 'attended'
    and there.at <= asked.due_at
    and coalesce(asked.context ->> 'occasion_id' = registration.occasion_id, asked.enrolled_at < there.at)
