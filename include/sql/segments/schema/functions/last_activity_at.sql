-- When a customer was last active by `as_of`: placed an order, looked at a page, or opened or clicked a mail in person.
-- grain: one moment; null = never
-- of_customer text; as_of timestamptz
-- look-back: everything up to as_of; between the first and the last open of a mail, the raw events there are
create or replace function segment.last_activity_at(of_customer text, as_of timestamptz) returns timestamptz
language plpgsql stable parallel safe as $$
begin
    return greatest(
        (
            select max(o.ordered_at) from source.orders as o
            where o.customer_id = of_customer and o.ordered_at <= as_of and o.status <> 'cancelled'
        ),
        (
            select max(v.viewed_at) from source.page_view as v
            where v.customer_id = of_customer and v.viewed_at <= as_of
        ),
        (
            select
                max(
                    greatest(
                        -- The first one counts for what lies between: raw events of that time may be past retention.
                        case
                            when e.last_open_at <= as_of then e.last_open_at
                            when e.first_open_at <= as_of then e.first_open_at
                        end,
                        case
                            when e.last_click_at <= as_of then e.last_click_at
                            when e.first_click_at <= as_of then e.first_click_at
                        end
                    )
                )
            from event.engagement as e
            where
                e.customer_id = of_customer
                and (e.first_open_at is not null or e.first_click_at is not null)
        ),
        (
            select max(r.occurred_at)
            from event.engagement as e
            inner join event.event as r on e.message_id = r.message_id and r.occurred_at <= as_of
            where
                e.customer_id = of_customer
                and (e.first_open_at is not null or e.first_click_at is not null)
                and r.event = 'open'
                and r.fact is distinct from 'machine_open'
                and e.first_open_at <= as_of
                and e.last_open_at > as_of
        ),
        (
            select max(k.clicked_at)
            from event.engagement as e
            inner join event.click as k on e.enrollment_id = k.enrollment_id and e.step = k.step
            where
                e.customer_id = of_customer
                and (e.first_open_at is not null or e.first_click_at is not null)
                and e.first_click_at <= as_of
                and e.last_click_at > as_of
                and k.kind = 'human'
                and k.clicked_at <= as_of
        )
    );
end
$$;
