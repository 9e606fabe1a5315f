"""The studies that come with the package, a TOML file for each, and what one run makes of a recipe."""

from xray_model.recipes.reading import list_recipes, read_recipe
from xray_model.recipes.variants import Trained, resolve_variants

__all__ = ["Trained", "list_recipes", "read_recipe", "resolve_variants"]
