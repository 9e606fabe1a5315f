"""Evidently's drift report in a real browser."""

from dataclasses import replace
from pathlib import Path

from tasks.drift import measure
from tests.servers.browser import Tab
from tests.servers.devtools import Connection
from tests.tasks.drifting import full_comparison


def test_the_report_opens_without_a_network(browser: Connection, tmp_path: Path) -> None:
    """All sections are drawn from the one file, nothing is asked for, and no text of a sender runs."""
    comparison = full_comparison(100, 300, shift=0.5)
    attack = "</script><script>document.title = 'attacked'</script><img src=x onerror=\"document.title = 'attacked'\">"
    comparison = replace(comparison, current=comparison.current.assign(manufacturer=attack))
    page = tmp_path / "evidently.html"
    page.write_bytes(measure(comparison).html or b"")
    tab = Tab(browser)
    tab.open(page.as_uri())
    text = tab.text("body")
    for section in ("Data drift", "label shift", "Prediction drift", "what the model sees", "Data quality"):
        assert section in text
    assert tab.evaluate("document.title") != "attacked"
    assert [address for address in tab.requests if not address.startswith(("data:", "blob:", page.as_uri()))] == []
    assert tab.complaints == []
    tab.close()
