-- The variant of `key`, one of [{"variant": …, "up_to": …}, …]. `up_to` are cumulative shares in file order.
create or replace function journey.variant_of(key text, variants jsonb) returns text
language sql immutable parallel safe as $$
    select coalesce(
        (
            select arm.variant
            from jsonb_to_recordset(variants) as arm (variant text, up_to double precision)
            where journey.ratio_of(key) < arm.up_to
            order by arm.up_to
            limit 1
        ),
        'default'
    )
$$;
