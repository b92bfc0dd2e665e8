-- Last step of enrolling: name the reason why candidates have no series. A reason that is known already is not written
-- again.
-- grain: one row per occurrence whose reason is new
-- campaign text; as_of timestamptz
-- look-back: running enrollments of the candidates' customers
insert into journey.occurrence (customer_id, campaign, occurrence, occurred_at, fate, reason, decided_at)
select
    candidate.customer_id,
    cast(:campaign as text) as campaign,
    candidate.occurrence,
    candidate.occurred_at,
    'waiting' as fate,
    case
        when candidate.is_too_soon or running.enrollment_id is null then 'reentered_too_soon'
        else 'series_running'
    end as reason,
    cast(:as_of as timestamptz) as decided_at
from candidate
left join journey.enrollment as running
    on
        running.campaign = cast(:campaign as text)
        and candidate.customer_id = running.customer_id
        and running.ended_at is null
left join journey.occurrence as known
    on
        candidate.customer_id = known.customer_id
        and known.campaign = cast(:campaign as text)
        and candidate.occurrence = known.occurrence
where
    (
        known.fate is null
        or (
            known.fate = 'waiting'
            and known.reason
            <> case
                when candidate.is_too_soon or running.enrollment_id is null then 'reentered_too_soon'
                else 'series_running'
            end
        )
    )
    and not exists (
        select 1
        from journey.enrollment as own
        where
            own.campaign = cast(:campaign as text)
            and own.customer_id = candidate.customer_id
            and own.occurrence = candidate.occurrence
    )
on conflict (customer_id, campaign, occurrence) do update set
    reason = excluded.reason,
    decided_at = excluded.decided_at
