-- What: whom each word of permission_word is of: its customer; where that one cannot be read or is not known, the
-- customers who hold the address too. A customer who is not known yet is among them: what was said is remembered
-- for the day their row comes. Erased customers have nothing more to say.
-- Grain: one row a word and customer.
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
-- Nearly every file has no such word: nothing is read for it.
where not word.is_known and exists (select 1 from permission_word)
