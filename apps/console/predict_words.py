"""The sentences of the pages that predict."""

from collections import Counter
from collections.abc import Sequence

from apps.console.answers import Shown, ShownAnswer
from apps.console.uploads import UploadLimits
from apps.serving.service import ServiceState
from storage.reports import figures
from xray_model.outcomes import ServedModel

UNREADABLE = "This file cannot be read as an X-ray"
OVERLOADED = "Too many ask at once"
ASK_AGAIN = "Nothing was answered. Load this page again in a few seconds to send the same X-ray once more."
_MEGABYTE = 1_000_000


def form_headline(state: ServiceState | None, coming: int | None) -> str:
    """The news where X-rays are dropped: which model answers, or that none does; `coming` is one that will."""
    if state is None:
        return "Predictions are switched off here"
    if state.ready and state.model:
        return f"Show v{state.model.version} a chest X-ray"
    return f"v{coming} does not answer yet" if coming else "No model is in service yet"


def answer_headline(shown: Sequence[Shown]) -> str:
    """The news of the answers: of one what it is, of several how many of each."""
    warned = sum(len(one.prediction.warnings) > 0 for one in shown if isinstance(one, ShownAnswer))
    if len(shown) == 1 and isinstance(shown[0], ShownAnswer):
        prediction = shown[0].prediction
        share = figures.probability(prediction.probabilities[prediction.label])
        said = f"v{prediction.version} says {prediction.label}, at {share}"
        return f"{said}, but look at the {_warnings(len(prediction.warnings))} first" if warned else said
    found = Counter(one.prediction.label if isinstance(one, ShownAnswer) else "not read" for one in shown)
    parts = ", ".join(f"{number:,} {what}" for what, number in found.items())
    said = f"{figures.spelled(len(shown), 'image')}: {parts}"
    return f"{said}; {warned:,} with warnings" if warned else said


def classes_words(model: ServedModel) -> str:
    """What it tells apart, such as "covid, normal and pneumonia"."""
    return f"{', '.join(model.classes[:-1])} and {model.classes[-1]}"


def limits_words(limits: UploadLimits) -> str:
    """How much may be sent at once."""
    return f"up to {limits.images} at once, of {limits.image_bytes // _MEGABYTE} MB each"


def _warnings(number: int) -> str:
    return "warning" if number == 1 else f"{number} warnings"
