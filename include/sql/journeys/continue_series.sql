-- Last step of enrolling, for series that go on with one of another customer: note the steps that were sent, which are
-- not sent again, and await the first that was not. What of it is past comes due in the same run.
-- grain: one row per run; noted = steps that were sent
-- campaign text; first_name text: what it was called first; as_of timestamptz;
-- looks_at_once boolean: the same run looks at the steps, because not all of them count from the enrollment;
-- steps jsonb: [{position, step, after_hours, variants: [{variant, up_to}]}]
-- look-back: none
with step as (
    select given.*  -- noqa: AM04
    from jsonb_to_recordset(cast(:steps as jsonb))
        as given (position integer, step text, after_hours double precision, variants jsonb)
),

series as (
    select
        enrollment.enrollment_id,
        enrollment.customer_id,
        enrollment.steps_from,
        first.customer_id as dealt_as,
        followed.sent
    from followed
    inner join journey.enrollment
        on
            enrollment.campaign = cast(:campaign as text)
            and followed.customer_id = enrollment.customer_id
            and followed.occurrence = enrollment.occurrence
            and followed.continues = enrollment.continues
    inner join journey.enrollment as first on followed.continues = first.enrollment_id
),

noted as (
    insert into journey.step_due (enrollment_id, step, campaign, customer_id, variant, due_at, noticed_at, refusal)
    select
        series.enrollment_id,
        step.step,
        cast(:campaign as text) as campaign,
        series.customer_id,
        journey.arm_of(cast(:first_name as text), step.step, series.dealt_as, step.variants) as variant,
        coalesce(
            series.steps_from + step.after_hours * interval '1 hour', cast(:as_of as timestamptz)
        ) as due_at,
        cast(:as_of as timestamptz) as noticed_at,
        'already_sent' as refusal
    from series
    inner join step on step.step = any(series.sent)
    order by series.enrollment_id, step.position
    returning step_due.enrollment_id
),

awaited as (
    insert into journey.upcoming (enrollment_id, campaign, due_at, step)
    select distinct on (series.enrollment_id)
        series.enrollment_id,
        cast(:campaign as text) as campaign,
        case
            when cast(:looks_at_once as boolean) then cast(:as_of as timestamptz)
            else series.steps_from + step.after_hours * interval '1 hour'
        end as due_at,
        step.step
    from series
    inner join step on step.step <> all(series.sent)
    order by series.enrollment_id asc, step.position asc
    returning upcoming.enrollment_id
)

select
    (select count(*) from noted) as noted,
    (select count(*) from awaited) as awaited
