-- What the next file tells the shop about the codes in offer_due. One row per code; a shared one has the widest bounds
-- of all its mails. A code withdrawn before the shop knew it is left out. Another withdrawn code ends at that moment.
-- Who was erased is not named. The table is dropped with the transaction.
-- grain: offer_code
-- look-back: offer_due, and all mails of a shared code in it
create temporary table offer_told on commit drop as
with due as materialized (
    select
        offer_code.*,
        case when customer.erased_at is null then offer_code.customer_id end as told_customer
    from offer_due
    inner join message.offer_code
        on offer_due.enrollment_id = offer_code.enrollment_id and offer_due.step = offer_code.step
    left join source.customer on offer_code.customer_id = customer.customer_id
)

select
    due.code as offer_code,
    due.told_customer as customer_id,
    due.campaign,
    due.kind,
    trim_scale(due.percent) as percent,
    trim_scale(due.amount) as amount,
    case when due.amount is not null then due.currency end as currency,
    due.valid_from,
    greatest(due.valid_from, least(due.valid_until, due.withdrawn_at)) as valid_until
from due
where not due.is_shared and (due.withdrawn_at is null or due.exported_at is not null)
union all
select
    min(whole.code) as offer_code,
    null as customer_id,
    case when count(distinct whole.campaign) = 1 then min(whole.campaign) end as campaign,
    min(whole.kind) as kind,
    trim_scale(min(whole.percent)) as percent,
    trim_scale(min(whole.amount)) as amount,
    case when min(whole.amount) is not null then min(whole.currency) end as currency,
    min(whole.valid_from) as valid_from,
    max(whole.valid_until) as valid_until
from message.offer_code as whole
where
    whole.is_shared
    and whole.withdrawn_at is null
    and upper(whole.code) in (select upper(due.code) from due where due.is_shared)
group by upper(whole.code)
