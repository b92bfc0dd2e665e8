-- Ask for a segment: its next version.
-- grain: one row, the version
-- parameters: segment, rules, rules_md5, note, requested_by text; now timestamptz
-- look-back: the requests of the name
insert into segment.request (segment, version, rules, rules_md5, note, requested_at, requested_by)
select
    cast(:segment as text) as segment,
    coalesce(max(request.version), 0) + 1 as version,
    cast(:rules as text) as rules,
    cast(:rules_md5 as text) as rules_md5,
    cast(:note as text) as note,
    cast(:now as timestamptz) as requested_at,
    cast(:requested_by as text) as requested_by
from segment.request
where request.segment = cast(:segment as text)
returning version
