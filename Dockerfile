# One image for every Airflow process and for the event collector. BASE_IMAGE is any Debian-like image with
# Python 3.11+ and its venv module as python3.
ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE}

ENV AIRFLOW_HOME=/opt/airflow \
    PATH=/opt/lifecycle/bin:$PATH \
    PYTHONPATH=/opt/airflow/include \
    PYTHONUNBUFFERED=1

RUN useradd --create-home --home-dir /home/airflow --uid 50000 --user-group airflow \
    && install -d -o airflow -g airflow /opt/airflow /opt/airflow/logs /opt/airflow/run \
        /var/lib/lifecycle /var/lib/lifecycle/events /var/lib/lifecycle/feeds

# Packages first: they change less often than the code.
COPY requirements.txt /opt/lifecycle/requirements.txt
RUN python3 -m venv /opt/lifecycle \
    && pip install --no-cache-dir --disable-pip-version-check --requirement /opt/lifecycle/requirements.txt

WORKDIR /opt/airflow
COPY --chown=airflow:airflow dags dags
COPY --chown=airflow:airflow plugins plugins
COPY --chown=airflow:airflow include include

USER airflow
