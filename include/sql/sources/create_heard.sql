-- What: the customers that each word of permission_word is about. If its customer can be read and is known, it is that
-- customer. Otherwise the customers who hold the address are included too. A customer who is not known yet is included,
-- because what was said is kept for the day on which their row comes. Erased customers are left out.
-- Grain: one row per word and customer.
-- Parameters: none. Look-back: every customer, by key and address.
create temporary table heard on commit drop as
with word as (
    select
        permission_word.*,
        customer.erased_at is not null as is_erased,
        customer.customer_id is not null
        or exists (select 1 from staged where staged.customer_id = permission_word.customer_id) as is_known
    from permission_word
    left join source.customer on permission_word.customer_id = customer.customer_id
)

select
    word.line,
    word.customer_id,
    word.permission,
    word.permission_at
from word
where word.customer_id is not null and not word.is_erased
union
select
    word.line,
    customer.customer_id,
    word.permission,
    word.permission_at
from word
inner join source.customer on customer.address = lower(word.email)
where not word.is_known and customer.erased_at is null and exists (select 1 from permission_word)
union
select
    word.line,
    staged.customer_id,
    word.permission,
    word.permission_at
from word
inner join staged on lower(staged.email) = lower(word.email)
-- Nearly every file has no such word, and then nothing is read.
where not word.is_known and exists (select 1 from permission_word)
