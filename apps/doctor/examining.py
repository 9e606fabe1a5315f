"""`xray doctor`: looking at everything in order."""

import os
from collections.abc import Iterator

from pydantic import ValidationError
from rich.console import Console

from apps.doctor.findings import Finding
from apps.doctor.keeping import look_at_keeping
from apps.doctor.machine import look_at_machine
from apps.doctor.networks import look_at_network
from apps.doctor.service import look_at_service
from storage.settings import Settings, prepare_environment
from xray_model.errors import ConfigurationError

_STYLES = {"ok": "green", "missing": "yellow", "warning": "yellow", "problem": "bold red"}
_SUBJECT_WIDTH = 29


def examine(backbone: str | None, weights: str | None, alpha: float | None) -> int:
    """Print what there is, in order; nothing is downloaded, and nothing stays changed.

    Args:
        backbone: a backbone whose weights are to be loaded; None for a look at which weights are there.
        weights: where they come from, as `--weights` of a training; None for the default.
        alpha: width of the backbone; None for the published one.

    Returns:
        1 where something that is set or asked for cannot work, else 0.

    Raises:
        ConfigurationError: weights or a width without a backbone.
    """
    if backbone is None and (weights is not None or alpha is not None):
        raise ConfigurationError("name the backbone that these weights or this width are for with --backbone")
    console = Console()
    problems = 0
    for finding in _look(backbone, weights, alpha):
        problems += finding.state == "problem"
        console.print(
            f"[{_STYLES[finding.state]}]{finding.state:<8}[/] {finding.subject:<{_SUBJECT_WIDTH}} ",
            end="",
            highlight=False,
        )
        console.print(finding.words, highlight=False, markup=False, soft_wrap=True)
    return int(problems > 0)


def _look(backbone: str | None, weights: str | None, alpha: float | None) -> Iterator[Finding]:
    try:
        settings = Settings()
    except ValidationError as error:
        for item in error.errors():
            yield Finding("problem", f"XRAY_{item['loc'][0]}".upper(), f"{item['msg']}: set it otherwise")
        return
    prepare_environment(settings)
    # A training waits many minutes for a registry; here one question more is enough.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    yield from look_at_keeping(settings)
    yield from look_at_service(settings)
    yield from look_at_machine(settings)
    yield from look_at_network(settings, backbone, weights, alpha)
