-- Step 7 of joining: write the occurrences of the series that are shared. A series' own occurrence gets its row when
-- the first one joins it.
-- grain: one row per run; joined = occurrences that joined
-- campaign text; as_of timestamptz
-- look-back: none
with own as (
    insert into journey.occurrence (
        customer_id, campaign, occurrence, occurred_at, fate, decided_at, enrollment_id, context
    )
    select
        enrollment.customer_id,
        enrollment.campaign,
        enrollment.occurrence,
        enrollment.occurred_at,
        'enrolled' as fate,
        enrollment.enrolled_at as decided_at,
        enrollment.enrollment_id,
        enrollment.context
    from journey.enrollment
    where
        enrollment.enrollment_id in (select sharing.enrollment_id from sharing)
        and enrollment.joined = 0
    returning occurrence.enrollment_id
),

joined as (
    insert into journey.occurrence (
        customer_id, campaign, occurrence, occurred_at, fate, decided_at, enrollment_id, context
    )
    select
        sharing.customer_id,
        cast(:campaign as text) as campaign,
        sharing.occurrence,
        sharing.occurred_at,
        'joined' as fate,
        cast(:as_of as timestamptz) as decided_at,
        sharing.enrollment_id,
        sharing.context
    from sharing
    inner join journey.enrollment on sharing.enrollment_id = enrollment.enrollment_id
    where sharing.occurrence <> enrollment.occurrence
    on conflict (customer_id, campaign, occurrence) do update
        set
            fate = excluded.fate,
            reason = null,
            decided_at = excluded.decided_at,
            enrollment_id = excluded.enrollment_id,
            context = excluded.context
    returning occurrence.enrollment_id
)

select
    (select count(*) from joined) as joined,
    (select count(*) from own) as own
