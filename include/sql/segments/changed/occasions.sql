-- changed: occasions
-- what: customers registered for occasions that came, changed, or began between the refreshes
-- grain: customer_id, any number of times
-- parameters: load_id: the last load that the refresh before knew; since, as_of timestamptz: the refreshes
-- look-back: rows of later loads; occasions that began between the refreshes
select r.customer_id
from source.occasion as changed
inner join source.registration as r on changed.occasion_id = r.occasion_id
where
    changed.load_id > cast(:load_id as bigint)
    or (changed.starts_at > cast(:since as timestamptz) and changed.starts_at <= cast(:as_of as timestamptz))
