-- exit: erased
-- what: the person was erased. It ends every series, whether the campaign names it or not.
-- grain: one row per erased customer: enrollment_id, reason, exited_at
-- reads: series
-- applies: always
-- look-back: none
select
    series.enrollment_id,
    'erased' as reason,
    customer.erased_at as exited_at
from series
inner join source.customer on series.customer_id = customer.customer_id
where customer.erased_at is not null
