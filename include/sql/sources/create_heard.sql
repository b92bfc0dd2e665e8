-- What: whom each word of permission_word is of: its customer; if that one cannot be read or is not known, the
-- customers who hold the address too. A customer who is not known yet is among them: what was said is remembered
-- for the day their row comes. If no one is known who could have said it, the speaker is empty and the word waits at
-- the mailbox. Erased customers have nothing more to say, except at a mailbox that a living customer holds.
-- An address of an erased person that no living customer holds is not learned again.
-- Grain: one row per word and customer; address = the mailbox, null = it cannot be read.
-- Parameters: link_secret text, the key of the address hashes. Look-back: every customer, by key and address.
create temporary table heard on commit drop as
with mailbox as (
    select distinct
        said.address,
        exists(
            select 1 from source.customer
            where customer.address = said.address and customer.erased_at is null
        ) as is_held,
        exists(select 1 from staged where source.mailbox(staged.email) = said.address) as is_coming,
        exists (select 1 from source.erased_address)
        and source.address_hash(said.address, cast(:link_secret as text)) in (
            select erased_address.address_hash from source.erased_address
        ) as is_erased
    from (select distinct source.mailbox(permission_word.email) as address from permission_word) as said
    where said.address is not null
),

word as (
    select
        permission_word.*,
        case when mailbox.is_held or not mailbox.is_erased then mailbox.address end as address,
        mailbox.is_held,
        mailbox.is_coming,
        customer.address as known_address,
        customer.erased_at is not null as is_erased,
        customer.customer_id is not null
        or exists (select 1 from staged where staged.customer_id = permission_word.customer_id) as is_known
    from permission_word
    left join source.customer on permission_word.customer_id = customer.customer_id
    left join mailbox on source.mailbox(permission_word.email) = mailbox.address
)

select
    word.line,
    word.customer_id,
    coalesce(word.address, word.known_address) as address,
    word.permission,
    word.permission_at
from word
where word.customer_id is not null and not word.is_erased
union
select
    word.line,
    customer.customer_id,
    customer.address,
    word.permission,
    word.permission_at
from word
inner join source.customer on customer.address = source.mailbox(word.email)
where not word.is_known and customer.erased_at is null and exists (select 1 from permission_word)
union
select
    word.line,
    staged.customer_id,
    source.mailbox(staged.email) as address,
    word.permission,
    word.permission_at
from word
inner join staged on source.mailbox(staged.email) = source.mailbox(word.email)
-- Nearly every file has no such word, and then nothing is read.
where not word.is_known and exists (select 1 from permission_word)
union
select
    word.line,
    '' as customer_id,
    word.address,
    word.permission,
    word.permission_at
from word
where
    word.permission = 'withdrawn'
    and word.address is not null
    and case when word.is_erased then word.is_held else word.customer_id is null and not word.is_held end
    and not word.is_coming
