-- segment: topic_interest
-- what: customers who are interested in one topic and did not buy in it. A topic is a type of product, the topic of a
--   page, or the subject of a download; upper and lower case are one. They looked at it `views` times at least within
--   `days`, or downloaded something on it. To buy in it is an order, since the first of these looks, of a product whose
--   type, category or name it is; a cancelled order does not count. Of several topics the one they looked at most
--   counts, then the one they looked at last, then the first by name. The pages `pricing` and `customer stories` are no
--   topics, because campaigns of their own follow them.
-- grain: customer_id, occurrence (<topic>@<UTC month of the last look>)
-- parameter: views: integer, looks, default 3, 2 to 100, looks at the topic at least
-- parameter: days: integer, days of 24 hours, default 14, 1 to 90, time the looks lie in
-- look-back: `days` before as_of
-- context: topic (as the feed wrote it last), kind (product_type, page or download, of the last look), product_type
--   (null unless the topic is one), looks, last_looked_at
with looks as (
    select
        v.customer_id,
        v.viewed_at as looked_at,
        coalesce(v.topic, p.product_type) as topic,
        case when v.topic is null then 'product_type' else 'page' end as kind
    from source.page_view as v
    left join source.product as p on v.product_id = p.product_id
    where
        v.viewed_at <= cast(:as_of as timestamptz)
        and v.viewed_at > cast(:as_of as timestamptz) - cast(:days as integer) * interval '24 hours'
    union all
    select
        l.customer_id,
        l.acted_at as looked_at,
        l.subject as topic,
        'download' as kind
    from source.lead_action as l
    where
        lower(l.kind) = 'download'
        and l.acted_at <= cast(:as_of as timestamptz)
        and l.acted_at > cast(:as_of as timestamptz) - cast(:days as integer) * interval '24 hours'
),

interests as (
    select
        l.customer_id,
        lower(l.topic) as topic,
        count(*) as looks,
        min(l.looked_at) as first_looked_at,
        max(l.looked_at) as last_looked_at,
        (array_agg(l.topic order by l.looked_at desc, l.topic asc))[1] as written,
        (array_agg(l.kind order by l.looked_at desc, l.kind asc))[1] as kind,
        bool_or(l.kind = 'product_type') as is_type
    from looks as l
    where l.topic is not null and lower(l.topic) not in ('pricing', 'customer stories')
    group by l.customer_id, lower(l.topic)
    having count(*) >= cast(:views as integer) or bool_or(l.kind = 'download')
)

select distinct on (i.customer_id)
    i.customer_id,
    i.topic || '@' || to_char(i.last_looked_at at time zone 'UTC', 'YYYY-MM') as occurrence,
    i.last_looked_at as occurred_at,
    jsonb_build_object(
        'topic', i.written,
        'kind', i.kind,
        'product_type', case when i.is_type then i.written end,
        'looks', i.looks,
        'last_looked_at', replace(
            to_char(i.last_looked_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        )
    ) as context
from interests as i
inner join source.customer as c on i.customer_id = c.customer_id
where
    c.erased_at is null
    and not exists (
        select 1
        from source.orders as o
        inner join source.order_line as l on o.order_id = l.order_id
        inner join source.product as p on l.product_id = p.product_id
        where
            o.customer_id = i.customer_id
            and o.ordered_at >= i.first_looked_at
            and o.ordered_at <= cast(:as_of as timestamptz)
            and o.status <> 'cancelled'
            and i.topic in (lower(p.product_type), lower(p.category), lower(p.name))
    )
order by i.customer_id asc, i.looks desc, i.last_looked_at desc, i.topic asc
