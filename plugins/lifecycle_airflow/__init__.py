"""The one package that knows Airflow and the library: time, settings, retries and the campaign DAGs.

Not part of the path. `dags/` only wires what is here, and `lifecycle_mail` never imports Airflow.
"""
