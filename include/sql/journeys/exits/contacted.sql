-- exit: contacted
-- what: the customer got in touch: a lead action contact, whatever its subject.
-- grain: one row per action: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the enrollment
select
    series.enrollment_id,
    'contacted' as reason,
    lead_action.acted_at as exited_at
from series
inner join source.lead_action
    on series.customer_id = lead_action.customer_id and series.enrolled_at < lead_action.acted_at
where lower(lead_action.kind) = 'contact'
