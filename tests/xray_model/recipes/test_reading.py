"""The recipes that come with the package, and those of others."""

from pathlib import Path

import pytest

from xray_model.errors import ConfigurationError
from xray_model.recipes import list_recipes, read_recipe


def test_three_recipes_come_with_the_package() -> None:
    """Each is named as its file, says what the notebooks did and what differs, and may be named by path too."""
    assert list_recipes() == ("bimcv-imbalance", "pneumonia", "three-classes")
    for name in list_recipes():
        recipe = read_recipe(name)
        assert recipe.name == name
        assert "The notebooks" in recipe.study
        assert "Here" in recipe.study


def test_a_recipe_of_one_s_own_is_read_from_its_file(tmp_path: Path) -> None:
    """A path is enough."""
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\ntitle = "t"\nstudy = "s"\nclasses = ["covid", "normal"]\n'
        '[[variants]]\nname = "a"\ntitle = "A"\n'
    )
    assert read_recipe(str(path)).variants[0].title == "A"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "there is no recipe file"),
        ("name = ", "is no TOML"),
        ('name = "mine"', "title: Field required"),
    ],
    ids=["missing", "no toml", "no recipe"],
)
def test_a_file_that_is_no_recipe_is_refused_in_words(tmp_path: Path, text: str | None, told: str) -> None:
    """The message says what is wrong with it."""
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=told):
        read_recipe(str(path))


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    """No name leads out of the package's folder."""
    for name in ("tea", "../config"):
        with pytest.raises(ConfigurationError, match="bimcv-imbalance, pneumonia, three-classes"):
            read_recipe(name)
