"""Report broken and lost campaign files as an import error: this file has no DAG and fails while there is one.

Airflow counts an import error against every DAG of the file it came from and stops scheduling them. So the
DAGs of good campaign files are in campaigns.py, and this file reports what is wrong with the others. It also names
campaigns that have series in the warehouse and no file any more, if the dag-processor has LIFECYCLE_DATABASE_URL.
"""

from lifecycle_airflow.campaign_dags import broken_campaigns, lost_campaigns
from lifecycle_mail.errors import CampaignError

if problems := broken_campaigns():
    raise CampaignError("these campaigns have no DAG until their file is right:\n" + "\n".join(problems))
if problems := lost_campaigns():
    raise CampaignError("these campaigns have no DAG:\n" + "\n".join(problems))
