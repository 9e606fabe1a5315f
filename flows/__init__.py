"""What runs: each flow's docstring is its recipe, and its body is one call per step."""

import logging
import os

# Before Prefect and the libraries are imported, also where a worker loads a flow: no telemetry, one home.
from storage.settings import Settings, prepare_environment

prepare_environment(Settings())

# What the rooms log is told as loudly as what the flows do; PREFECT_LOGGING_EXTRA_LOGGERS brings it to the server too.
for _room in ("expectations", "storage", "tasks", "xray_model"):
    logging.getLogger(_room).setLevel(os.environ.get("PREFECT_LOGGING_LEVEL", "INFO"))
if Settings().log == "json":
    # Prefect sets its handlers when it is imported, and keeps those that it finds afterwards.
    import prefect.main  # noqa: F401

    from storage.log_lines import write_json_lines

    write_json_lines()
