-- Campaigns with an experiment.
-- grain: one row per campaign
select distinct experiment.campaign
from kpi.experiment
order by experiment.campaign
