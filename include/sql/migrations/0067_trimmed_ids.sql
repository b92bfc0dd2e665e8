-- Ids lose the blanks at their ends, as a load trims them from now on. Ids that become equal are one: source.merged_id
-- lists all that changed. docs/decisions/0058 says what becomes of rows that are two of one id.
create table source.merged_id (
    kind text not null,
    former_id text not null,
    present_id text not null,
    was_two boolean not null,
    merged_at timestamptz not null default now(),
    primary key (kind, former_id)
);

comment on table source.merged_id is
'Ids that had blanks at their ends when they were loaded, one row per id; the migration that trimmed them wrote it.';
comment on column source.merged_id.kind is 'What the id is of: customer, product, order, cart…';
comment on column source.merged_id.former_id is 'The id as it was, with its blanks.';
comment on column source.merged_id.present_id is 'The id without them.';
comment on column source.merged_id.was_two is 'Another id became the same one, so rows of two were merged.';
comment on column source.merged_id.merged_at is 'When.';

-- The characters are those of lifecycle_mail.sources.blanks, whatever the collation of the database is.
create function pg_temp.trimmed(value text) returns text language sql immutable as $$
    select regexp_replace(
        value,
        '^[\s\u001c-\u001f\u0085\u00a0\u00ad\u034f\u115f\u1160\u1680\u17b4\u17b5\u180e\u2000-\u200f\u2028\u2029\u202f'
        || '\u205f-\u2064\u2800\u3000\u3164\ufeff\uffa0]+'
        || '|[\s\u001c-\u001f\u0085\u00a0\u00ad\u034f\u115f\u1160\u1680\u17b4\u17b5\u180e\u2000-\u200f\u2028\u2029'
        || '\u202f\u205f-\u2064\u2800\u3000\u3164\ufeff\uffa0]+$',
        '', 'g'
    )
$$;

-- Note the ids of one kind in one column that have blanks at their ends.
create function pg_temp.note(kind text, relation regclass, id text) returns void language plpgsql as $$
begin
    execute format(
        'insert into source.merged_id (kind, former_id, present_id, was_two)'
        ' select distinct %1$L, %2$I, pg_temp.trimmed(%2$I), false from %3$s'
        ' where %2$I <> pg_temp.trimmed(%2$I) and pg_temp.trimmed(%2$I) <> %4$L on conflict do nothing',
        kind, id, relation, ''
    );
end
$$;

-- Of rows that become one by the id and the columns `others`, keep the first by `best`.
create function pg_temp.keep_one(kind text, relation regclass, id text, others text, best text)
returns void language plpgsql as $$
begin
    execute format(
        'delete from %1$s as gone using ('
        ' select row.ctid, row.tableoid as place_of, row_number() over ('
        '  partition by coalesce(merged_id.present_id, row.%2$I)%4$s'
        '  order by %5$s, merged_id.former_id nulls first) as place'
        ' from %1$s as row left join source.merged_id on merged_id.kind = %3$L and merged_id.former_id = row.%2$I'
        ' where merged_id.former_id is not null'
        '  or row.%2$I in (select present_id from source.merged_id where merged_id.kind = %3$L)'
        ') as ranked where gone.ctid = ranked.ctid and gone.tableoid = ranked.place_of and ranked.place > 1',
        relation, id, kind, others, best
    );
end
$$;

create function pg_temp.rename(kind text, relation regclass, id text) returns void language plpgsql as $$
begin
    execute format(
        'update %1$s as row set %2$I = merged_id.present_id from source.merged_id'
        ' where merged_id.kind = %3$L and merged_id.former_id = row.%2$I', relation, id, kind
    );
end
$$;

create function pg_temp.merge(kind text, relation regclass, id text, others text, best text)
returns void language plpgsql as $$
begin
    perform pg_temp.keep_one(kind, relation, id, others, best);
    perform pg_temp.rename(kind, relation, id);
end
$$;

create function pg_temp.trim_texts(relation regclass, names text[]) returns void language plpgsql as $$
declare
    name text;
begin
    foreach name in array names loop
        execute format(
            'update %1$s set %2$I = nullif(pg_temp.trimmed(%2$I), %3$L)'
            ' where %2$I <> pg_temp.trimmed(%2$I)', relation, name, ''
        );
    end loop;
end
$$;

do $$
declare
    place record;
begin
    for place in
        select * from (
            values
            ('customer', 'source.customer', 'customer_id'), ('customer', 'source.permission_change', 'customer_id'),
            ('customer', 'source.orders', 'customer_id'), ('customer', 'source.cart', 'customer_id'),
            ('customer', 'source.page_view', 'customer_id'), ('customer', 'source.lead_action', 'customer_id'),
            ('customer', 'source.review', 'customer_id'), ('customer', 'source.referral', 'customer_id'),
            ('customer', 'source.referral', 'referred_customer_id'), ('customer', 'source.offer', 'customer_id'),
            ('product', 'source.product', 'product_id'), ('product', 'source.product', 'upgrade_product_id'),
            ('product', 'source.order_line', 'product_id'), ('product', 'source.cart_line', 'product_id'),
            ('product', 'source.page_view', 'product_id'), ('product', 'source.review', 'product_id'),
            ('order', 'source.orders', 'order_id'), ('order', 'source.order_line', 'order_id'),
            ('order', 'source.review', 'order_id'), ('cart', 'source.cart', 'cart_id'),
            ('cart', 'source.cart_line', 'cart_id'), ('cart', 'source.orders', 'cart_id'),
            ('offer', 'source.offer', 'offer_code'), ('offer', 'source.orders', 'offer_code'),
            ('page view', 'source.page_view', 'view_id'), ('lead action', 'source.lead_action', 'action_id'),
            ('review', 'source.review', 'review_id'), ('referral', 'source.referral', 'referral_id')
        ) as found (kind, relation, id)
    loop
        perform pg_temp.note(place.kind, place.relation, place.id);
    end loop;
end
$$;

-- An address that a merged customer no longer has was theirs all the same, and what was said there was said by them.
insert into source.former_address (customer_id, address, held_from)
select
    merged_id.present_id,
    customer.address,
    customer.created_at
from source.merged_id
inner join source.customer on customer.customer_id in (merged_id.former_id, merged_id.present_id)
where merged_id.kind = 'customer' and customer.address is not null and customer.erased_at is null
on conflict do nothing;

-- A no of one of them is a no of both. No feed lifts it.
insert into source.permission_change (customer_id, permission, permission_at, origin, address)
select distinct
    merged_id.present_id,
    'withdrawn' as permission,
    now() as permission_at,
    'merged' as origin,
    withdrawn.address
from source.merged_id
inner join source.customer as withdrawn on withdrawn.customer_id in (merged_id.former_id, merged_id.present_id)
inner join source.merged_id as other_name on merged_id.present_id = other_name.present_id
inner join source.customer as other on other.customer_id in (other_name.former_id, other_name.present_id)
where
    merged_id.kind = 'customer'
    and other_name.kind = 'customer'
    and withdrawn.permission = 'withdrawn'
    and other.permission <> 'withdrawn'
on conflict do nothing;

update source.customer set
    permission = strictest.permission,
    permission_at = strictest.permission_at,
    first_load_id = strictest.first_load_id
from (
    select
        merged_id.present_id,
        (
            array_agg(
                known.permission order by known.permission = 'withdrawn' desc, known.permission_at desc nulls last
            )
        )[1] as permission,
        (
            array_agg(
                known.permission_at order by known.permission = 'withdrawn' desc, known.permission_at desc nulls last
            )
        )[1] as permission_at,
        min(known.first_load_id) as first_load_id
    from source.merged_id
    inner join source.customer as known on known.customer_id in (merged_id.former_id, merged_id.present_id)
    where merged_id.kind = 'customer'
    group by merged_id.present_id
) as strictest
where pg_temp.trimmed(customer.customer_id) = strictest.present_id;

update source.merged_id set was_two = true
from (
    select
        kind,
        present_id
    from source.merged_id
    group by kind, present_id
    having count(*) > 1
) as several
where merged_id.kind = several.kind and merged_id.present_id = several.present_id;

do $$
declare
    place record;
begin
    for place in
        select * from (
            values
            ('customer', 'source.customer', 'customer_id'), ('product', 'source.product', 'product_id'),
            ('order', 'source.orders', 'order_id'), ('cart', 'source.cart', 'cart_id'),
            ('offer', 'source.offer', 'offer_code'), ('page view', 'source.page_view', 'view_id'),
            ('lead action', 'source.lead_action', 'action_id'), ('review', 'source.review', 'review_id'),
            ('referral', 'source.referral', 'referral_id')
        ) as found (kind, relation, id)
    loop
        execute format(
            'update source.merged_id set was_two = true where kind = %1$L and exists ('
            ' select 1 from %2$s as row where row.%3$I = merged_id.present_id)', place.kind, place.relation, place.id
        );
        -- The newest row counts, as it does in a load. An erased customer stays erased.
        perform pg_temp.merge(
            place.kind, place.relation, place.id, '',
            case place.kind when 'customer' then 'row.erased_at is not null desc, ' else '' end || 'row.load_id desc'
        );
    end loop;
end
$$;

-- The same address as now is no former one, and of an erased person none is kept.
delete from source.former_address
using source.customer, source.merged_id
where
    merged_id.kind = 'customer'
    and former_address.customer_id = merged_id.present_id
    and customer.customer_id = merged_id.present_id
    and (
        customer.erased_at is not null
        or (customer.address = former_address.address and former_address.recorded_at = now())
    );

-- Of two lines in one cart that become one, both packs count.
update source.cart_line set quantity = summed.quantity
from (
    select
        coalesce(cart_id.present_id, line.cart_id) as cart_id,
        coalesce(product_id.present_id, line.product_id) as product_id,
        line.load_id,
        sum(line.quantity) as quantity
    from source.cart_line as line
    left join source.merged_id as cart_id on cart_id.kind = 'cart' and line.cart_id = cart_id.former_id
    left join source.merged_id as product_id on product_id.kind = 'product' and line.product_id = product_id.former_id
    group by coalesce(cart_id.present_id, line.cart_id), coalesce(product_id.present_id, line.product_id), line.load_id
    having count(*) > 1
) as summed
where
    cart_line.load_id = summed.load_id
    and pg_temp.trimmed(cart_line.cart_id) = summed.cart_id
    and pg_temp.trimmed(cart_line.product_id) = summed.product_id;

select pg_temp.merge('product', 'source.cart_line', 'product_id', ', row.cart_id', 'row.load_id desc');
-- A cart has the lines of one file alone.
delete from source.cart_line
using source.merged_id
where
    merged_id.kind = 'cart'
    and cart_line.cart_id in (merged_id.former_id, merged_id.present_id)
    and exists (
        select 1 from source.cart_line as newer
        where pg_temp.trimmed(newer.cart_id) = pg_temp.trimmed(cart_line.cart_id) and newer.load_id > cart_line.load_id
    );
select pg_temp.merge('cart', 'source.cart_line', 'cart_id', ', row.product_id', 'row.load_id desc');
select pg_temp.merge('order', 'source.order_line', 'order_id', ', row.line_no', 'row.load_id desc');

select pg_temp.rename(named.kind, named.relation, named.id) from (
    values
    ('product', cast('source.product' as regclass), 'upgrade_product_id'),
    ('product', 'source.order_line', 'product_id'),
    ('product', 'source.page_view', 'product_id'), ('product', 'source.review', 'product_id'),
    ('order', 'source.review', 'order_id'), ('cart', 'source.orders', 'cart_id'),
    ('offer', 'source.orders', 'offer_code'), ('customer', 'source.orders', 'customer_id'),
    ('customer', 'source.cart', 'customer_id'), ('customer', 'source.page_view', 'customer_id'),
    ('customer', 'source.lead_action', 'customer_id'), ('customer', 'source.review', 'customer_id'),
    ('customer', 'source.referral', 'customer_id'), ('customer', 'source.referral', 'referred_customer_id'),
    ('customer', 'source.offer', 'customer_id'), ('customer', 'source.rejected', 'customer_id'),
    ('customer', 'kpi.list_change', 'customer_id')
) as named (kind, relation, id);

-- One rest holds at a time, and one membership.
select pg_temp.keep_one(
    'customer', 'source.permission_rest', 'customer_id',
    ', case when row.resumed_at is not null then row.rested_at end', 'row.rested_at'
);
select pg_temp.keep_one(
    'customer', 'segment.membership', 'customer_id',
    ', row.segment, row.occurrence, case when row.left_at is not null then row.entered_at end', 'row.entered_at'
);
select pg_temp.merge(merged.kind, merged.relation, merged.id, merged.others, merged.best) from (
    values
    (
        'customer', cast('source.permission_change' as regclass), 'customer_id',
        ', row.permission_at, row.permission, row.origin, row.address', 'row.recorded_at'
    ),
    (
        'customer', 'source.feed_word', 'customer_id',
        ', row.address, row.permission, row.permission_at', 'row.permission_at'
    ),
    ('customer', 'source.former_address', 'customer_id', ', row.address, row.replaced_at', 'row.recorded_at'),
    (
        'customer', 'source.permission_rest', 'customer_id', ', row.rested_at', 'row.resumed_at desc nulls first'
    ),
    ('customer', 'event.word', 'customer_id', ', row.address, row.scope, row.reason, row.said_at', 'row.said_at'),
    ('order', 'kpi.order_credit', 'order_id', '', 'row.order_id'),
    ('customer', 'kpi.list_movement', 'customer_id', ', row.day, row.movement', 'row.day'),
    (
        'customer', 'segment.membership', 'customer_id',
        ', row.segment, row.occurrence, row.entered_at', 'row.left_at desc nulls first'
    )
) as merged (kind, relation, id, others, best);
select pg_temp.rename('customer', 'kpi.order_credit', 'customer_id');

-- What was mailed to either was mailed to the one. Of two running series of a campaign the later one ends. A series
-- that both had of one occurrence keeps its former id, and its history with it.
update journey.enrollment set ended_at = now(), end_reason = 'superseded'
from (
    select
        enrollment.enrollment_id,
        row_number() over (
            partition by enrollment.campaign, coalesce(merged_id.present_id, enrollment.customer_id)
            order by enrollment.enrolled_at, enrollment.enrollment_id
        ) as place
    from journey.enrollment
    left join source.merged_id on merged_id.kind = 'customer' and enrollment.customer_id = merged_id.former_id
    where
        enrollment.ended_at is null
        and (
            merged_id.former_id is not null
            or enrollment.customer_id in (
                select one.present_id from source.merged_id as one
                where one.kind = 'customer'
            )
        )
) as ranked
where enrollment.enrollment_id = ranked.enrollment_id and ranked.place > 1;

update journey.enrollment set customer_id = ranked.present_id
from (
    select
        enrollment.enrollment_id,
        coalesce(merged_id.present_id, enrollment.customer_id) as present_id,
        row_number() over (
            partition by
                enrollment.campaign, enrollment.occurrence, coalesce(merged_id.present_id, enrollment.customer_id)
            order by merged_id.former_id nulls first
        ) as place
    from journey.enrollment
    left join source.merged_id on merged_id.kind = 'customer' and enrollment.customer_id = merged_id.former_id
    where
        merged_id.former_id is not null
        or enrollment.customer_id in (
            select one.present_id from source.merged_id as one
            where one.kind = 'customer'
        )
) as ranked
where
    enrollment.enrollment_id = ranked.enrollment_id
    and enrollment.customer_id <> ranked.present_id
    and ranked.place = 1;

select pg_temp.merge(
    'customer', 'journey.occurrence', 'customer_id', ', row.campaign, row.occurrence', 'row.decided_at'
);

do $$
declare
    relation text;
begin
    foreach relation in array array[
        'journey.step_due', 'decision.decision', 'message.message', 'event.engagement', 'kpi.step_outcome'
    ] loop
        execute format(
            'update %s as row set customer_id = enrollment.customer_id from journey.enrollment, source.merged_id'
            ' where merged_id.kind = ''customer'' and merged_id.former_id = row.customer_id'
            ' and enrollment.enrollment_id = row.enrollment_id and enrollment.customer_id <> row.customer_id', relation
        );
    end loop;
    foreach relation in array array['cart', 'product'] loop
        execute format(
            'update journey.enrollment set context = jsonb_set(context, array[%1$L], to_jsonb(merged_id.present_id))'
            ' from source.merged_id'
            ' where merged_id.kind = %2$L and enrollment.ended_at is null'
            ' and enrollment.context ->> %1$L = merged_id.former_id', relation || '_id', relation
        );
    end loop;
end
$$;

-- What is computed from facts is computed again.
delete from source.supply using source.merged_id
where merged_id.kind = 'customer' and supply.customer_id in (merged_id.former_id, merged_id.present_id);
insert into source.supply_change (customer_id)
select distinct merged_id.present_id from source.merged_id
where merged_id.kind = 'customer';

delete from source.customer_activity using source.merged_id
where merged_id.kind = 'customer' and customer_activity.customer_id in (merged_id.former_id, merged_id.present_id);
insert into source.customer_activity
(customer_id, first_order_at, last_order_at, order_count, last_view_at, last_open_at, last_click_at)
select
    fact.customer_id,
    min(fact.ordered_at) as first_order_at,
    max(fact.ordered_at) as last_order_at,
    count(fact.ordered_at) as order_count,
    max(fact.viewed_at) as last_view_at,
    max(fact.opened_at) as last_open_at,
    max(fact.clicked_at) as last_click_at
from (
    select
        customer_id,
        ordered_at,
        cast(null as timestamptz) as viewed_at,
        cast(null as timestamptz) as opened_at,
        cast(null as timestamptz) as clicked_at
    from source.orders
    where status <> 'cancelled'
    union all
    select
        customer_id,
        null as ordered_at,
        viewed_at,
        null as opened_at,
        null as clicked_at
    from source.page_view
    union all
    select
        customer_id,
        null as ordered_at,
        null as viewed_at,
        last_open_at as opened_at,
        last_click_at as clicked_at
    from event.engagement
    where last_open_at is not null or last_click_at is not null
) as fact
where fact.customer_id in (select merged_id.present_id from source.merged_id where merged_id.kind = 'customer')
group by fact.customer_id;

-- Other texts. What a later load brings is trimmed anyway.
select pg_temp.trim_texts('source.customer', array['first_name', 'last_name', 'signup_source']);
select pg_temp.trim_texts('source.product', array['product_type', 'category']);
select pg_temp.trim_texts('source.page_view', array['topic']);
select pg_temp.trim_texts('source.lead_action', array['subject']);

-- Mails left these links out. From now on the load judges the scheme of a link.
update source.cart set url = null where url ~* '^[a-z][a-z0-9+.-]*://' and url !~* '^https?://';
update source.product set url = null where url ~* '^[a-z][a-z0-9+.-]*://' and url !~* '^https?://';
update source.product set image_url = null where image_url ~* '^[a-z][a-z0-9+.-]*://' and image_url !~* '^https?://';
