-- Rows of feeds about a customer that were refused, and values that were left out of rows. A row that is not whole has
-- no customer in source.rejected: it counts if one of its fields is the customer's id. An address is no id here. A
-- number is an id in rows of the customers feed alone, because other rows have numbers that mean something else.
-- grain: one row per refused row and reason
-- customer_id text
-- look-back: everything
with told as (
    select rejected.rejected_id
    from source.rejected
    where rejected.customer_id = cast(:customer_id as text)
    union all
    select rejected.rejected_id
    from source.rejected
    where
        rejected.customer_id is null
        and (
            rejected.feed = 'customers'
            or (
                rejected.feed not in ('products', 'order_lines', 'cart_lines', 'currency_rates')
                and cast(:customer_id as text) !~ '^[0-9.]+$'
            )
        )
        and strpos(rejected.row_text, cast(:customer_id as text)) > 0
        and strpos(cast(:customer_id as text), '@') = 0
        and cast(:customer_id as text) = any(regexp_split_to_array(rejected.row_text, '[,;|"{}\s]+:?'))
)

select
    rejected.rejected_at as happened_at,
    null as campaign,
    null as step,
    case when rejected.is_loaded then 'a value was left out of a row' else 'a row was refused' end as what,
    kpi.refusal_told(rejected.file, rejected.line, rejected.reason, rejected.detail) as why,
    2 as place
from told
inner join source.rejected on told.rejected_id = rejected.rejected_id
