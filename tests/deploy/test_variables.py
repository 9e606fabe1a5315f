"""The variables that deploy/ sets are ones that somebody reads."""

import re

from storage.settings import Settings
from tests.deploy.reading import DEPLOY

FILES = [
    path
    for path in DEPLOY.rglob("*")
    if path.is_file() and path.suffix in {"", ".yaml", ".json", ".env", ".example", ".sh", ".sql", ".py", ".md"}
]


def named(prefix: str) -> set[str]:
    """Every variable of this prefix that a file of deploy/ names."""
    return {found for path in FILES for found in re.findall(rf"\b{prefix}_[A-Z0-9_]*[A-Z0-9]\b", path.read_text())}


def test_xray_variables_are_settings() -> None:
    """Every `XRAY_` variable is a field of `Settings`; those that a shared store needs are among them."""
    variables = named("XRAY")
    assert variables <= {f"XRAY_{field.upper()}" for field in Settings.model_fields}
    assert {"XRAY_HOME", "XRAY_STORE", "XRAY_REGISTRY", "XRAY_SALT"} <= variables


def test_prefect_variables_are_settings() -> None:
    """Every `PREFECT_` variable is a setting of the Prefect that is installed, or of its Kubernetes worker."""
    from prefect.settings.legacy import _get_valid_setting_names
    from prefect.settings.models.root import Settings as PrefectSettings

    variables = {name for name in named("PREFECT") if not name.startswith("PREFECT_INTEGRATIONS_KUBERNETES_")}
    assert variables - _get_valid_setting_names(PrefectSettings) == set()


def test_telemetry_is_off_in_every_image() -> None:
    """The images switch off what would tell of a hospital's use."""
    text = (DEPLOY / "Dockerfile").read_text()
    for setting in (
        "DO_NOT_TRACK=true",
        "PREFECT_SERVER_ANALYTICS_ENABLED=false",
        "MLFLOW_DISABLE_TELEMETRY=true",
        "GX_ANALYTICS_ENABLED=false",
    ):
        assert setting in text
