"""The model card as Markdown, which MLflow keeps beside the model: what the page says, in words and tables."""

import re
from collections.abc import Iterable, Mapping, Sequence

from storage.reports import cards, figures, terms, words
from storage.reports.cards import ModelCard
from xray_model.errors import InvalidInput
from xray_model.outcomes import (
    NOTICE,
    Check,
    Decision,
    EvaluationOutcome,
    Interval,
    RetrainOutcome,
    SnapshotOutcome,
    TrainingOutcome,
)

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~])")
_SPACES = re.compile(r"\s+")


def render_card_markdown(retrain: RetrainOutcome, card: ModelCard | None = None) -> str:
    """The card of the model that a night trained; its pictures are linked as files beside it, `<name>.svg`.

    Args:
        retrain: the training with its figures.
        card: what `make_card` gathered; None for what the outcome alone tells.

    Raises:
        InvalidInput: no model was registered, so that there is no version to write about.
    """
    if retrain.promotion is None:
        raise InvalidInput("There is no model to write a card about: no version was registered.")
    card = cards.make_card(retrain) if card is None else card
    challenger = retrain.challenger
    parts = [
        [
            f"# Model card of v{retrain.promotion.challenger_version}",
            "",
            f"**{escape(words.model_headline(retrain))}.**",
        ],
        _intended(challenger),
        _section("What limits it", [f"- {escape(sentence)}" for sentence in card.limitations]),
        _section("The gate's decision", _decision(retrain.promotion.decision, card.power)),
        _section("Figures on the test split", _scores(challenger) if challenger else []),
        _section("Does it look at the lungs?", _probes(retrain)),
        _section("For whom does it work?", _subgroups(challenger) if challenger else []),
        _section(
            "Pictures", [line for each in card.drawings for line in _picture(each.title, each.name, each.caption)]
        ),
        _section("Data", _data(retrain.snapshot, card)),
        _section("Training", _training(retrain.training) if retrain.training else []),
        [NOTICE],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def escape(text: str) -> str:
    """Words of a sender or a policy as they are, on one line: nothing in them is Markdown or HTML."""
    return _MARKS.sub(r"\\\1", _SPACES.sub(" ", text))


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *lines] if lines else []


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def _range(score: Interval | None) -> str:
    return figures.interval(score) if score else figures.fraction(None)


def _intended(challenger: EvaluationOutcome | None) -> list[str]:
    classes = ", ".join(score.label for score in challenger.classes) if challenger else "its classes"
    said = (
        f"Research on telling {escape(classes)} apart on frontal chest X-rays. **Not for diagnostic use**, nor for "
        "any decision about a patient: whatever else an image shows, it answers with one of these."
    )
    return _section("Intended use", [said])


def _decision(decision: Decision, power: str) -> list[str]:
    rows = [
        (escape(terms.check_words(check.name)), _result(check), escape(check.sentence)) for check in decision.checks
    ]
    lines = [f"It was {terms.decision_words(decision)}.", "", *_table(("Condition", "Result", "What decided it"), rows)]
    return [*lines, "", escape(power)] if power else lines


def _result(check: Check) -> str:
    if check.passed:
        return "passed"
    return f"waived: {escape(check.waiver)}" if check.waiver is not None else "not passed"


def _scores(challenger: EvaluationOutcome) -> list[str]:
    head = ("Class", "F1", "Recall", "Precision", "ROC area", "Average precision", "Images", "Patients")
    rows = [
        (
            escape(score.label),
            *map(_range, (score.f1, score.recall, score.precision, score.roc_auc, score.average_precision)),
            figures.count(score.images),
            figures.count(score.patients),
        )
        for score in challenger.classes
    ]
    overall = [
        f"- {terms.overall_words(name)}: {_range(getattr(challenger, name))}"
        for name in cards.overall_scores(challenger)
    ]
    calibration = challenger.calibration
    if calibration:
        overall.append(f"- Expected calibration error: {_range(calibration.error)}")
    basis = f"{figures.plural(challenger.images, 'image')} of {figures.plural(challenger.patients, 'patient')}"
    kept = f"On {basis}; every figure can be recomputed from `{challenger.predictions_key}`."
    return [*_table(head, rows), "", *overall, "", kept]


def _probes(retrain: RetrainOutcome) -> list[str]:
    rows = [
        (
            escape(terms.check_words(row.probe.name)),
            f"waived: {escape(row.waiver)}" if not row.probe.passed and row.waiver is not None else row.state,
            figures.fraction(row.probe.value),
            row.bound or "none",
            escape(row.probe.sentence),
        )
        for row in cards.list_probes(retrain)
    ]
    return _table(("Probe", "Result", "Measured", "Bound", "In words"), rows) if rows else []


def _subgroups(challenger: EvaluationOutcome) -> list[str]:
    rows = [
        (
            escape(group.name),
            "too few to say" if group.too_small else _range(group.minority_f1),
            figures.count(group.images),
            figures.count(group.patients),
            figures.count(group.minority_patients),
        )
        for group in challenger.subgroups
    ]
    minority = escape(challenger.minority)
    return _table(("Subgroup", f"F1 of {minority}", "Images", "Patients", f"with {minority}"), rows) if rows else []


def _picture(title: str, name: str, caption: str) -> list[str]:
    return [f"![{escape(title)}]({name}.svg)", "", escape(caption), ""]


def _data(snapshot: SnapshotOutcome | None, card: ModelCard) -> list[str]:
    lines = [] if snapshot is None else [f"Snapshot `{snapshot.snapshot_id}`.", "", *_counts("Split", snapshot.counts)]
    return [*lines, "", *_counts("Training images by source", card.sources)] if card.sources else lines


def _counts(head: str, counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    labels = list(dict.fromkeys(label for each in counts.values() for label in each))
    rows = [(escape(name), *(figures.count(each.get(label, 0)) for label in labels)) for name, each in counts.items()]
    return _table((head, *map(escape, labels)), rows)


def _training(training: TrainingOutcome) -> list[str]:
    facts = {
        "Network": f"{training.backbone}, input {training.input_side} pixels a side",
        "Weights came from": training.weights,
        "Fine-tuned": training.fine_tuned or "nothing below the head",
        "Rebalancing": training.rebalancing,
        "Temperature": f"{training.temperature:.2f}",
        "Epochs": f"{len(training.epochs)}, kept {training.best_epoch}",
        "Seed": str(training.seed),
        "Model file, sha256": training.model_sha256,
        "MLflow run": training.run_id,
    }
    return [f"- {name}: {escape(value)}" for name, value in facts.items()]
