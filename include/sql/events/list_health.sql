-- What the list looks like: mailboxes that rest after soft bounces, mailboxes of several customers, and mailboxes that
-- get no mail at all.
-- grain: one row
-- now timestamptz
-- look-back: none
with shared as (
    select count(*) as customers
    from source.customer
    where customer.erased_at is null and customer.address is not null
    group by customer.address
    having count(*) > 1
)

select
    (
        select count(*) from event.soft_bounce where soft_bounce.rests_until > cast(:now as timestamptz)
    ) as mailboxes_resting,
    (select count(*) from shared) as mailboxes_of_several,
    (select cast(coalesce(sum(shared.customers), 0) as bigint) from shared) as customers_of_these,
    (
        select count(distinct suppression.address)
        from event.suppression
        where suppression.scope = 'all' and suppression.lifted_at is null
    ) as mailboxes_suppressed
