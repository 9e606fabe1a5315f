"""The sentences on a snapshot: its news first, and nothing said that is not so."""

import numpy as np
import pytest

from storage.reports.explore_words import tell_news, v_words
from tests.storage.exploring import describe_images


def test_balanced_images_have_no_news() -> None:
    """Where nothing goes with the class the headline says so, after the smallest class and its images."""
    news = tell_news(describe_images(48, age=40.0))
    assert news.headline == (
        "48 images of 24 patients; each class has 24, and nothing but the lungs is known to tell the classes apart"
    )
    assert news.sentences == ()


def test_children_of_one_source_and_class_are_the_news() -> None:
    """All children from one source with one class stand in the headline, before any Cramér's V."""
    rows = describe_images(96)
    child = (rows["label"] == "normal") & (rows["source"] == "school")
    news = tell_news(rows.assign(age=np.where(child, 6.0, 50.0)))
    assert news.headline.endswith(
        "all 24 images known to be of children come from one source, school, and have one class, normal"
    )
    assert news.sentences[0].startswith("All 24 images known to be of children")


def test_source_that_tells_the_class_is_the_news() -> None:
    """A class of one source is named, and the association said with its V, basis and word."""
    rows = describe_images(48, age=40.0)
    news = tell_news(rows.assign(source=rows["label"].map({"covid": "clinic", "normal": "school"})))
    assert news.headline.endswith("and class and source go together (Cramér's V 1.00)")
    assert any(
        one.startswith("Every image of covid (24 images, 12 patients) comes from clinic") for one in news.sentences
    )
    assert "Class and source go together: Cramér's V 1.00, strong, on 48 images of 24 patients." in news.sentences


def test_what_is_not_known_is_said() -> None:
    """Missing facts are told with their share; one that is missing in one class alone is the news."""
    rows = describe_images(48)
    news = tell_news(rows.assign(age=np.where(rows["label"] == "covid", np.nan, 40.0)))
    assert "class and whether the age is known go together" in news.headline
    assert news.sentences[-1] == "Not known: age of 50 % of the images."


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        ({"label": "normal"}, "48 images of 24 patients, all normal: there is no other class to tell it from"),
        ({"age": np.nan}, "48 images of 24 patients; each class has 24, and nothing but the lungs"),
    ],
)
def test_headline_of_a_plain_set(changes: dict[str, object], headline: str) -> None:
    """One class has none to be told from, and ages that are all missing are no news."""
    assert tell_news(describe_images(48, **changes)).headline.startswith(headline)


def test_no_image() -> None:
    """An empty snapshot says that it is."""
    assert tell_news(describe_images(8).head(0)).headline == "This snapshot holds no image"


@pytest.mark.parametrize(
    ("v", "words"), [(0.0, ".00, none to speak of"), (0.1, ".10, weak"), (0.3, ".30, medium"), (1, "1.00, strong")]
)
def test_words_of_v(v: float, words: str) -> None:
    """Each range has its word."""
    assert v_words(v) == words


def test_the_smallest_class_is_named() -> None:
    """Of classes that differ the one with the fewest images stands in the headline with their number."""
    rows = describe_images(48)
    few = rows[(rows["label"] == "covid") | (rows.index < 20)]
    assert "; normal is the smallest class with 10, and" in tell_news(few).headline
