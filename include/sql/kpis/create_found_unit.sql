-- Who the units are: of each customer and experiment the first series, by its number, with its first decision. Stored
-- units come first, because an earlier decision of theirs may be rolled up already, or dropped. A run may decide
-- several steps of a series at one moment: the one that it numbered first counts.
-- The table is dropped with the transaction.
-- grain: one row per unit
create temporary table kpi_found_unit on commit drop as
with candidate as (
    select
        known.campaign,
        known.epoch,
        known.kind,
        known.step,
        known.customer_id,
        known.arm,
        known.enrollment_id,
        known.enrolled_at,
        known.decided_at,
        known.is_eligible,
        cast(0 as bigint) as decision_id
    from kpi_known_unit as known
    union all
    select
        enrollment.campaign,
        enrollment.epoch,
        experiment.kind,
        experiment.step,
        enrollment.customer_id,
        case
            when experiment.kind = 'variant' then kpi_first.variant
            when enrollment.is_holdout then 'held_out'
            else 'treated'
        end as arm,
        kpi_first.enrollment_id,
        enrollment.enrolled_at,
        kpi_first.decided_at,
        kpi_first.is_eligible,
        kpi_first.decision_id
    from kpi_first
    inner join journey.enrollment on kpi_first.enrollment_id = enrollment.enrollment_id
    inner join kpi.experiment on enrollment.campaign = experiment.campaign and enrollment.epoch = experiment.epoch
    where
        -- A login may be what a mail caused: who goes on with a series was not dealt, and is no unit.
        (experiment.kind = 'holdout' and enrollment.continues is null)
        or (
            experiment.step = kpi_first.step
            and not enrollment.is_holdout
            and experiment.shares ? kpi_first.variant
            -- Variants are dealt when a step comes due. If other shares held by then, the step is of neither epoch.
            and (
                (experiment.ended_at is null and experiment.started_at <= kpi_first.as_of)
                or experiment.shares = (
                    select epoch.variants -> kpi_first.step
                    from journey.epoch
                    where epoch.campaign = enrollment.campaign and epoch.began_at <= kpi_first.as_of
                    order by epoch.epoch desc
                    limit 1
                )
            )
        )
)

select distinct on (candidate.customer_id, candidate.campaign, candidate.epoch, candidate.kind, candidate.step)
    candidate.campaign,
    candidate.epoch,
    candidate.kind,
    candidate.step,
    candidate.customer_id,
    candidate.arm,
    candidate.enrollment_id,
    candidate.enrolled_at,
    candidate.decided_at,
    candidate.is_eligible
from candidate
order by
    candidate.customer_id asc, candidate.campaign asc, candidate.epoch asc, candidate.kind asc, candidate.step asc,
    candidate.enrollment_id asc, candidate.decided_at asc, candidate.decision_id asc
