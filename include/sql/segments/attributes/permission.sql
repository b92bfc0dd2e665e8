-- attribute: permission
-- what: the permission that stands by the consent log. While mailing rests because a word of the feed could not be
--   read, it is none. An opt-out of one topic, a bounce or a complaint is not in it
-- says: permission is {}
-- type: text
-- values: none, pending, confirmed, withdrawn
-- absent: none
-- history: facts
-- changes: customers, engagement, time
-- grain: customer_id
-- look-back: the whole consent log up to as_of
select
    s.customer_id,
    case when s.rested_at is null then s.permission else 'none' end as value
from source.standing_permission_at(cast(:as_of as timestamptz)) as s
