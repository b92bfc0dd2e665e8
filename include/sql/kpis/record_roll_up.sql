-- Record what this roll-up did.
-- grain: one row per roll-up
-- now timestamptz; is_full boolean; outcomes, customers, orders counts
insert into kpi.roll_up (rolled_up_at, is_full, outcomes, customers, orders)
values (
    cast(:now as timestamptz), cast(:is_full as boolean), cast(:outcomes as bigint), cast(:customers as bigint),
    cast(:orders as bigint)
)
