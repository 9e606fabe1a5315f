"""Outcomes as they are kept: what an earlier version wrote must be read."""

from xray_model.outcomes import ExpectationResult


def test_result_of_an_earlier_version_is_read() -> None:
    """A result written before suite, type, bounds and rows asked were kept loads without them."""
    result = ExpectationResult.model_validate_json(
        '{"code": "blank", "sentence": "Every image has contrast.", "refusal": "is blank or nearly so", '
        '"severity": "row", "passed": false, "evaluated": true, "failures": 2, "observed": null}'
    )
    assert (result.suite, result.kind, result.bounds, result.asked) == ("", "", "", None)
