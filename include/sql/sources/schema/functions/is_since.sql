-- Whether an order was placed since a moment, such as the one in which its cart was created. Some shops note orders by
-- the second or the minute alone: then the order is of that second or minute.
create or replace function source.is_since(ordered_at timestamptz, moment timestamptz) returns boolean
language sql stable parallel safe as $$
    select ordered_at >= moment or ordered_at in (date_trunc('second', moment), date_trunc('minute', moment))
$$;
