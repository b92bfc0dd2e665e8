-- Files of the customers feed that were refused as a whole, the newest first: whom they are about is not known.
-- grain: one row per file and reason, at most three
-- look-back: everything
select
    rejected.file,
    rejected.reason,
    rejected.detail
from source.rejected
where rejected.feed = 'customers' and rejected.line is null
order by rejected.rejected_id desc
limit 3
