-- What: what of the present file is set aside: rows by reason, and values of rows that are loaded without them by
-- reason and column.
-- Grain: one row per reason (column_name is null), and per reason and column.
-- Parameters: none. Look-back: none.
select
    refused.reason,
    cast(null as text) as column_name,
    count(*) as number
from refused
where not refused.is_loaded
group by refused.reason
union all
select
    refused.reason,
    named.column_name,
    count(*) as number
from refused
cross join
    lateral regexp_split_to_table(regexp_replace(refused.detail, '^column ', ''), ', ') as named (column_name)
where refused.is_loaded
group by refused.reason, named.column_name
order by reason, column_name
