"""Lifecycle Mail: lifecycle e-mail in your own PostgreSQL, one direction through eight stages.

    sources → segments → journeys → decisions → messages → delivery → events → kpis

Each stage is a package of this name, a folder of SQL, a database schema and a group of tests.
Nothing here imports Airflow; ``plugins/lifecycle_airflow`` is the one place that knows both.
"""

__version__ = "0.1.0"
