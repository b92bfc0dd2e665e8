-- What: forget words of the feed that this load does not repeat, of the customers that it names.
-- Grain: one row per word.
-- Parameters: none. Look-back: every remembered word, for customers that have several.
delete from source.feed_word as kept
using (
    select
        feed_word.customer_id,
        feed_word.address
    from source.feed_word
    group by feed_word.customer_id, feed_word.address
    having count(*) > 1
) as several
where
    kept.customer_id = several.customer_id
    and kept.address = several.address
    and exists (
        select 1 from feed_said
        where feed_said.customer_id = kept.customer_id and feed_said.address = kept.address
    )
    and not exists (
        select 1 from feed_said
        where
            feed_said.customer_id = kept.customer_id
            and feed_said.address = kept.address
            and feed_said.permission = kept.permission
            and feed_said.permission_at is not distinct from kept.permission_at
    )
