"""The notebooks' studies on some of the real X-rays, with the weights of MobileNetV2."""

from pathlib import Path

import pytest

from bench.compare import BEGIN, make_section, run_studies, write_section

pytestmark = [pytest.mark.real, pytest.mark.slow]
EPOCHS = 2


@pytest.mark.timeout(3600)
def test_two_recipes_on_real_images(home: Path, shared_data: Path, prefect_server: None, tmp_path: Path) -> None:
    """Transfer learning beats what learns from the start, the frozen part sees an image once, and a table comes out."""
    outcomes = run_studies(shared_data, {"folds": 2, "images": 400, "trials": 2}, EPOCHS)
    assert [one.recipe for one in outcomes] == ["three-classes", "pneumonia"]
    for outcome in outcomes:
        standings = {one.variant: one.minority_f1.value for one in outcome.standings}
        (start,) = set(standings) & {"vit-tiny", "basic-cnn"}
        assert max(standings.values()) > standings[start]
        assert max(standings.values()) > 0.6
        transferred = [cell.training for cell in outcome.cells if cell.variant == outcome.standings[0].variant]
        assert transferred[-1].features_reused > 0
    page = tmp_path / "results.md"
    page.write_text("# Results\n")
    write_section(page, make_section(outcomes, EPOCHS, 2))
    assert page.read_text().startswith(f"# Results\n\n{BEGIN}")
