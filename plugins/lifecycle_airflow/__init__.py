"""The one place that knows Airflow and the library: time, settings, retries and the campaign DAGs.

Beside the path: `dags/` is wiring over this package, `lifecycle_mail` never imports Airflow.
"""
