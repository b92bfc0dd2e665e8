-- Requests of segments, the newest version first.
-- grain: one row per version; state: waiting, approved, superseded (a later version is approved), rejected, replaced,
--   retired
-- parameters: segment text (null = every segment)
-- look-back: none
select
    request.request_id,
    request.segment,
    request.version,
    request.rules,
    request.rules_md5,
    request.note,
    request.requested_at,
    request.requested_by,
    request.decision,
    request.decided_at,
    request.decided_by,
    request.reason,
    case
        when request.decision is null then 'waiting'
        when request.retired_at is not null then 'retired'
        when request.decision <> 'approved' then request.decision
        when request.version = max(request.version) filter (where request.decision = 'approved') over same
            then 'approved'
        else 'superseded'
    end as state
from segment.request
where cast(:segment as text) is null or request.segment = cast(:segment as text)
window same as (partition by request.segment)
order by request.segment asc, request.version desc
