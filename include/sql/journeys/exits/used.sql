-- exit: used
-- what: the customer used the product that the series is about: a lead action feature_use with its id or type as the
--   subject. For a series about no product, any use counts.
-- grain: one row per use: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the enrollment
select
    series.enrollment_id,
    'used' as reason,
    lead_action.acted_at as exited_at
from series
inner join source.lead_action
    on series.customer_id = lead_action.customer_id and series.enrolled_at < lead_action.acted_at
where
    lower(lead_action.kind) = 'feature_use'
    and (
        coalesce(series.context ->> 'product_id', series.context ->> 'product_type') is null
        or lead_action.subject in (series.context ->> 'product_id', series.context ->> 'product_type')
    )
