-- Forget the experiments of a name that a campaign gets, if it planned under that name without beginning a series.
-- grain: one row per experiment
-- campaign text
-- look-back: none
with forgotten as (
    delete from kpi.experiment_result
    where experiment_result.campaign = cast(:campaign as text)
)

delete from kpi.experiment
where experiment.campaign = cast(:campaign as text)
