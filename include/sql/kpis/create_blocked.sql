-- For what reason the mailbox of these customers was suppressed for all mail just after each turn. Gone with the
-- transaction. create_standing adds what else was in force.
-- grain: one row per customer and moment, if there was a reason
create temporary table kpi_blocked on commit drop as
select
    turn.customer_id,
    turn.turned_at,
    block.reason
from kpi_turn as turn
inner join kpi_person as person on turn.customer_id = person.customer_id and not person.is_settled
inner join lateral (
    select against.reason
    from (
        select suppression.reason
        from event.suppression
        where
            suppression.address = person.address
            and suppression.scope not like 'topic:%'
            and suppression.suppressed_at <= turn.turned_at
            and (suppression.lifted_at is null or suppression.lifted_at > turn.turned_at)
        union all
        select 'unsubscribed' as reason
        from source.mailbox_withdrawal_at(turn.turned_at) as other
        where other.address = person.address and other.customer_id <> turn.customer_id
    ) as against
    order by
        array_position(array['complaint', 'hard_bounce', 'dropped', 'unsubscribed', 'sunset'], against.reason)
        asc nulls last,
        against.reason asc
    limit 1
) as block on true
