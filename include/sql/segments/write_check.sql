-- Keep what a check found; one of the same moment is replaced.
-- grain: one row per as_of
-- as_of timestamptz; held_back_days, items, customers, items_shown, hits_together, hits_bestsellers numbers;
-- chosen, because text
-- look-back: none
insert into segment.recommendation_check (
    as_of, held_back_days, items, customers, items_shown, hits_together, hits_bestsellers,
    hit_rate_together, hit_rate_bestsellers, chosen, because
)
values (
    cast(:as_of as timestamptz),
    cast(:held_back_days as integer),
    cast(:items as integer),
    cast(:customers as bigint),
    cast(:items_shown as bigint),
    cast(:hits_together as bigint),
    cast(:hits_bestsellers as bigint),
    round(cast(:hits_together as numeric) / nullif(cast(:customers as bigint), 0), 6),
    round(cast(:hits_bestsellers as numeric) / nullif(cast(:customers as bigint), 0), 6),
    cast(:chosen as text),
    cast(:because as text)
)
on conflict (as_of) do update
    set
        held_back_days = excluded.held_back_days,
        items = excluded.items,
        customers = excluded.customers,
        items_shown = excluded.items_shown,
        hits_together = excluded.hits_together,
        hits_bestsellers = excluded.hits_bestsellers,
        hit_rate_together = excluded.hit_rate_together,
        hit_rate_bestsellers = excluded.hit_rate_bestsellers,
        chosen = excluded.chosen,
        because = excluded.because
