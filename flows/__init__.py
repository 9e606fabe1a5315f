"""What runs: each flow's docstring is its recipe, and its body is one call per step."""

# Before Prefect and the libraries are imported, also where a worker loads a flow: no telemetry, one home.
from storage.settings import Settings, prepare_environment

prepare_environment(Settings())
