-- No candidate whose thing moved, for enroll.sql: the planner leaves the join out.
-- grain: no row
-- look-back: none
select
    cast(null as text) as customer_id,
    cast(null as text) as occurrence,
    cast(null as text) as thing,
    cast(null as bigint) as continues,
    cast(null as timestamptz) as steps_from,
    cast(null as boolean) as is_holdout
where false
