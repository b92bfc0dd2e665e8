-- exit: confirmed
-- what: the customer confirmed that we may write to them.
-- grain: one row per confirmation: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the occurrence, which is the sign-up
select
    series.enrollment_id,
    'confirmed' as reason,
    permission_change.permission_at as exited_at
from series
inner join source.permission_change
    on
        series.customer_id = permission_change.customer_id
        and series.occurred_at <= permission_change.permission_at
where permission_change.permission = 'confirmed'
