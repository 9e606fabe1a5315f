"""The dashboard and the alerts ask for figures that are exported."""

import json
import re
from typing import Any

import pytest
import yaml
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from apps.serving.answers import ServiceState
from apps.serving.metrics import ServiceMetrics
from storage.desk import Desk
from storage.metrics import render_metrics
from storage.store import Store
from tests.deploy.reading import DEPLOY
from tests.storage.measured import fill_store

_LABELS = re.compile(r'(\w+)\{(\w+)="([^"]*)"\}')
_BY = re.compile(r"by \((\w+)\) \((xray_\w+)\)")


@pytest.fixture
def exported(store: Store) -> dict[str, list[dict[str, str]]]:
    """The labels of every sample of a store that has all there is to tell, and of predictions, by its name."""
    fill_store(store)
    service = ServiceMetrics(lambda: ServiceState(None, ready=False, reason=None, unsure_since=None), lambda: 0)
    texts = (render_metrics(Desk(store.objects)), generate_latest(service.registry))
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(b"".join(texts).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def read_rules() -> list[dict[str, Any]]:
    """The alerts."""
    (group,) = yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def read_panels() -> list[dict[str, Any]]:
    """The panels of the dashboard."""
    panels: list[dict[str, Any]] = json.loads((DEPLOY / "grafana" / "xray.json").read_text())["panels"]
    return panels


def test_every_expression_asks_for_what_is_exported(exported: dict[str, list[dict[str, str]]]) -> None:
    """Each metric, label and value that an alert or a panel names is among the figures."""
    expressions = [rule["expr"] for rule in read_rules()]
    expressions += [target["expr"] for panel in read_panels() for target in panel["targets"]]
    for expression in expressions:
        names = re.findall(r"\bxray_\w+", expression)
        assert names, expression
        assert set(names) <= set(exported), expression
        for name, label, value in _LABELS.findall(expression):
            assert value in {labels.get(label) for labels in exported[name]}, expression
        for label, name in _BY.findall(expression):
            assert all(label in labels for labels in exported[name]), expression


def test_every_figure_is_shown(exported: dict[str, list[dict[str, str]]]) -> None:
    """No figure is exported that neither the dashboard nor an alert uses, but whether a night trained at all."""
    told = json.dumps(read_panels()) + json.dumps(read_rules())
    own = {name for name in exported if not name.endswith(("_created", "_count", "_sum"))}  # of the client library
    assert {name for name in own if not re.search(rf"{name}\b", told)} == {"xray_night_trained"}


def test_alerts_say_what_happened() -> None:
    """Each alert has a name of its own, a severity and a sentence."""
    rules = read_rules()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["alert"].startswith("Xray")
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"].endswith(".")


def test_panels_do_not_overlap() -> None:
    """Every panel has a title, an id of its own and a place that no other has."""
    panels = read_panels()
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    cells = [
        (column, row)
        for place in (panel["gridPos"] for panel in panels)
        for column in range(place["x"], place["x"] + place["w"])
        for row in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(column for column, _ in cells) < 24


def test_every_alert_has_its_paragraph() -> None:
    """Whoever is woken finds what to do under the alert's name."""
    operations = (DEPLOY.parent / "docs" / "operations.md").read_text()
    assert {rule["alert"] for rule in read_rules()} == set(
        re.findall(r"^\*\*(Xray\w+)\.\*\* ", operations, re.MULTILINE)
    )
