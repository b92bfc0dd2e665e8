-- What: the second database of the server, Airflow's metadata; the first (POSTGRES_DB) is the warehouse.
-- When: the postgres image runs it once, while it makes an empty volume.
create database airflow;
