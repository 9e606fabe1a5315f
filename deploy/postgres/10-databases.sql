-- A database each for Prefect and MLflow, owned by a role that can do nothing else. The image runs this once, on an
-- empty data folder; \getenv keeps the passwords out of the list of processes.
\getenv prefect_password PREFECT_SERVER_DATABASE_PASSWORD
CREATE ROLE prefect LOGIN PASSWORD :'prefect_password';
CREATE DATABASE prefect OWNER prefect;
REVOKE ALL ON DATABASE prefect FROM PUBLIC;

\getenv mlflow_password MLFLOW_DATABASE_PASSWORD
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';
CREATE DATABASE mlflow OWNER mlflow;
REVOKE ALL ON DATABASE mlflow FROM PUBLIC;
