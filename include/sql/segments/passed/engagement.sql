-- passed: engagement
-- what: customers of whom an open, a click or a page view became 90 days old between the refreshes
-- grain: customer_id, any number of times
-- parameters: since, as_of timestamptz: the refresh before, and this one
-- look-back: mails and page views of that stretch of time
--
-- An open of a mail that was opened again after the refresh before is among what changed.
select o.customer_id
from segment.opens_at(cast(:as_of as timestamptz)) as o
where
    o.opened_at > cast(:since as timestamptz) - interval '2160 hours'
    and o.opened_at <= cast(:as_of as timestamptz) - interval '2160 hours'
union all
select v.customer_id
from source.page_view as v
where
    v.viewed_at > cast(:since as timestamptz) - interval '2160 hours'
    and v.viewed_at <= cast(:as_of as timestamptz) - interval '2160 hours'
