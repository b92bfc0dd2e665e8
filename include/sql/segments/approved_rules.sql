-- The rules that run: of each segment the newest approved version, unless the segment is retired.
-- grain: one row per segment
-- parameters: none
-- look-back: none
with newest as (
    select distinct on (request.segment)
        request.segment,
        request.version,
        request.rules,
        request.retired_at
    from segment.request
    where request.decision = 'approved'
    order by request.segment asc, request.version desc
)

select
    newest.segment,
    newest.version,
    newest.rules
from newest
where newest.retired_at is null
order by newest.segment
