-- What: the words about permission in this file that are news: of rows that are loaded, and withdrawals of rows set
-- aside. A row that repeats what the feed said of the customer in its last load, or in an earlier file of this one,
-- says nothing new. A word without a time counts from the load; in the customer's first load, if it is no withdrawal,
-- from sign-up. A yes dated later than the load counts from the load.
-- Grain: one row per customer, mailbox and word, with the proof that the last row of the word has.
-- Parameters: load_id bigint; now timestamptz, the time of the load; may_resubscribe boolean: a yes of the feed counts
-- as the person's own.
-- Look-back: the words of the last load, by customer; the feed's newest entry of those with an undated word.
create temporary table news on commit drop as
with word as (
    select
        staged.customer_id,
        source.mailbox(staged.email) as address,
        staged.permission,
        staged.permission_at,
        staged.created_at,
        staged.line,
        staged.permission_wording,
        staged.permission_source
    from staged
    where staged.permission is not null
    union all
    select
        heard.customer_id,
        heard.address,
        heard.permission,
        heard.permission_at,
        cast(null as timestamptz) as created_at,
        heard.line,
        null as permission_wording,
        null as permission_source
    from heard
    where heard.permission = 'withdrawn'
),

fresh as (
    select
        word.*,
        customer.customer_id is null or customer.first_load_id = cast(:load_id as bigint) as is_new
    from word
    left join source.customer on word.customer_id = customer.customer_id
    where
        not exists (
            select 1
            from source.feed_word as known
            where
                known.customer_id = word.customer_id
                and known.address = case when word.customer_id = '' then word.address else '' end
                and known.permission = word.permission
                and known.permission_at is not distinct from word.permission_at
        )
        -- A memory without a customer and a log is of another life.
        or (
            customer.customer_id is null
            and not exists (
                select 1 from source.permission_change as entry where entry.customer_id = word.customer_id
            )
        )
),

dated as (
    select
        fresh.customer_id,
        fresh.address,
        fresh.permission,
        fresh.permission_at as given_at,
        case
            when fresh.permission_at is null and fresh.is_new and fresh.permission <> 'withdrawn'
                then coalesce(fresh.created_at, cast(:now as timestamptz))
            -- Clocks may stand still, or go back: an undated word is later than those of earlier loads.
            when fresh.permission_at is null
                then greatest(
                    cast(:now as timestamptz),
                    (
                        select max(said.permission_at) + interval '1 microsecond'
                        from source.permission_change as said
                        where
                            said.customer_id = fresh.customer_id
                            and fresh.customer_id <> ''
                            and said.origin in ('feed', 'feed_resubscribing')
                            and said.load_id < cast(:load_id as bigint)
                    )
                )
            when fresh.permission = 'withdrawn' then fresh.permission_at
            else least(fresh.permission_at, cast(:now as timestamptz))
        end as permission_at,
        case
            when fresh.permission = 'confirmed' and cast(:may_resubscribe as boolean) then 'feed_resubscribing'
            else 'feed'
        end as origin,
        fresh.line,
        fresh.permission_wording,
        fresh.permission_source
    from fresh
)

select distinct on (
    dated.customer_id, dated.address, dated.permission, dated.given_at, dated.permission_at, dated.origin
)
    dated.customer_id,
    dated.address,
    dated.permission,
    dated.given_at,
    dated.permission_at,
    dated.origin,
    dated.permission_wording,
    dated.permission_source
from dated
order by
    dated.customer_id asc,
    dated.address asc,
    dated.permission asc,
    dated.given_at asc,
    dated.permission_at asc,
    dated.origin asc,
    dated.line desc
