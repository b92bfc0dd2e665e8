-- exit: referred
-- what: a friend whom the customer referred placed a first order. Who refers themselves does not count.
-- grain: one row per friend: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the enrollment
select
    series.enrollment_id,
    'referred' as reason,
    referral.ordered_at as exited_at
from series
inner join source.referral
    on series.customer_id = referral.customer_id and series.enrolled_at < referral.ordered_at
where referral.referred_customer_id is distinct from referral.customer_id
