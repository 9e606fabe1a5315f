"""Recipes from TOML: those of this folder by name, any other by its path."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from xray_model.config import Recipe
from xray_model.errors import ConfigurationError

_FOLDER, _SUFFIX = Path(__file__).parent, ".toml"


def list_recipes() -> tuple[str, ...]:
    """Names of the recipes that come with the package."""
    return tuple(sorted(path.stem for path in _FOLDER.glob(f"*{_SUFFIX}")))


def read_recipe(name: str) -> Recipe:
    """The recipe of a name, or of a `.toml` file.

    Raises:
        ConfigurationError: there is none, or the file does not hold one.
    """
    named = not name.endswith(_SUFFIX)
    path = _FOLDER / f"{name}{_SUFFIX}" if named else Path(name)
    if named and name not in list_recipes():
        raise ConfigurationError(
            f"there is no recipe {name!r}: take one of {', '.join(list_recipes())}, or give the path of a .toml file"
        )
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ConfigurationError(f"there is no recipe file {path}: give the path of a .toml file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the recipe {path.name} is no TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ConfigurationError(f"the recipe {path.name} is not one that can be run: {faults}") from error
