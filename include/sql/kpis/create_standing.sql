-- What was in force for these customers just after each turn: what stood as their permission, whether mailing rested,
-- for what reason their mailbox was suppressed for all mail, whether they were erased. Gone with the transaction.
-- grain: one row per customer and moment
create temporary table kpi_standing on commit drop as
select
    turn.customer_id,
    turn.turned_at,
    person.erased_at <= turn.turned_at as is_erased,
    said.permission,
    said.origin,
    said.rested_at is not null as is_resting,
    block.reason
from kpi_turn as turn
inner join kpi_person as person on turn.customer_id = person.customer_id and not person.is_settled
left join lateral (
    select
        standing.permission,
        standing.origin,
        standing.rested_at
    from source.standing_permission_at(turn.turned_at) as standing
    where standing.customer_id = turn.customer_id
    -- There is one row. With the limit the subquery stays one, and the condition reaches the log by index.
    limit 1
) as said on true
left join kpi_blocked as block on turn.customer_id = block.customer_id and turn.turned_at = block.turned_at
