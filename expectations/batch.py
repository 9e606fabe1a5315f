"""Suite `batch`: what a batch as a whole must be like. It is asked of the one row that `facts.describe_batch` makes.

A source of one class alone is confounded by nature, and so is the first of two sources: confounding as such is only
told. A batch is held where it makes large confounding larger, and its own source has images to compare with.
"""

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.expectations.row_conditions import Column

from expectations.rules import rule

MOST_REFUSED = 0.3
"""Share of refused images above which something is wrong with the batch, not with its images."""
MOST_INVERTED = 0.05
"""Share of inverted images that points to one scanner's wrong tag; usually under 1 %."""
MOST_REPEATS = 0.1
"""Share of repeated images; public sets repeat up to 2 % of their own and of each other's."""
MOST_MOVED = 0.25
"""Share of images by which the classes may stand from the catalog's."""
CHANCE = 0.001
"""Probability below which a difference is not put down to the draw; few images never reach it."""
FEWEST_OF_CLASS = 5
"""Images of a class below which no figure about it says anything."""
LARGE_V = 0.5
"""Cramér's V; Cohen (1988) calls w = .5 large, and V reaches w or stays below it."""
MOST_RISE = 0.1
"""Of Cramér's V, by one batch."""


def batch_suite() -> gx.ExpectationSuite:
    """Rules on the facts of `describe_batch`."""
    between = gxe.ExpectColumnValuesToBeBetween
    return gx.ExpectationSuite(
        name="batch",
        expectations=[
            rule(
                between,
                "no-images",
                "batch",
                "The batch holds images.",
                "It holds no images.",
                column="images",
                min_value=1,
            ),
            rule(
                between,
                "many-inverted",
                "batch",
                f"At most {MOST_INVERTED:.0%} of the images look inverted.",
                f"More than {MOST_INVERTED:.0%} of its images look inverted: "
                "perhaps one scanner's MONOCHROME tag is wrong.",
                column="inverted_share",
                max_value=MOST_INVERTED,
            ),
            rule(
                between,
                "mostly-refused",
                "batch",
                f"At most {MOST_REFUSED:.0%} of the images are refused.",
                f"More than {MOST_REFUSED:.0%} of its images were refused.",
                column="refused_share",
                max_value=MOST_REFUSED,
            ),
            rule(
                between,
                "repeats-inside",
                "note",
                f"At most {MOST_REPEATS:.0%} of the images repeat another of the batch.",
                f"More than {MOST_REPEATS:.0%} of its images repeat another of the batch.",
                column="repeats_inside_share",
                max_value=MOST_REPEATS,
            ),
            rule(
                between,
                "repeats-catalog",
                "note",
                f"At most {MOST_REPEATS:.0%} of the images repeat one accepted before.",
                f"More than {MOST_REPEATS:.0%} of its images repeat one accepted before.",
                column="repeats_catalog_share",
                max_value=MOST_REPEATS,
            ),
            rule(
                between,
                "few-of-a-class",
                "note",
                f"A finding that the batch holds has at least {FEWEST_OF_CLASS} sound images.",
                f"A finding has fewer than {FEWEST_OF_CLASS} sound images: figures about it say little.",
                column="smallest_class",
                min_value=FEWEST_OF_CLASS,
            ),
            rule(
                between,
                "class-shares",
                "note",
                f"The findings are shared out as among the accepted images, give or take {MOST_MOVED:.0%}.",
                f"Its findings are shared out otherwise than among the accepted images, by more than {MOST_MOVED:.0%}.",
                column="moved_share",
                max_value=MOST_MOVED,
                row_condition=Column("moved_chance") < CHANCE,
            ),
            *_confounding_rules("source", "source", "Where an image comes from"),
            *_confounding_rules("age", "age group", "A patient's age"),
        ],
    )


def _confounding_rules(name: str, words: str, clue: str) -> list[gxe.Expectation]:
    between = gxe.ExpectColumnValuesToBeBetween
    return [
        rule(
            between,
            f"{name}-confounding",
            "note",
            f"{clue} says little of the finding (Cramér's V of {words} and finding at most {LARGE_V}).",
            f"{clue} says much of the finding: a model may learn the {words} instead.",
            column=f"{name}_confounding",
            max_value=LARGE_V,
        ),
        rule(
            between,
            f"{name}-confounding-rises",
            "batch",
            f"The batch ties findings no closer to the {words} (Cramér's V rises by at most {MOST_RISE}, "
            f"or stays below {LARGE_V}).",
            f"{clue} would say much more of the finding with this batch than before: "
            "perhaps its findings are wrong, or images of another finding are missing.",
            column=f"{name}_confounding_rise",
            max_value=MOST_RISE,
            row_condition=Column(f"{name}_confounding") > LARGE_V,
        ),
    ]
