"""Which variants are trained, and what is said of the others."""

import pytest

from xray_model.config import CompareOptions, Recipe, Search, SearchRange
from xray_model.errors import ConfigurationError
from xray_model.recipes import read_recipe, resolve_variants

THREE = read_recipe("three-classes")


def test_a_transformer_without_its_library_is_left_out_aloud() -> None:
    """ViT-B/16 needs keras-hub for its weights: with it all five are trained, without it four and a sentence."""
    options = CompareOptions(recipe=THREE.name)
    with_hub, said = resolve_variants(THREE, options, hub=True)
    assert ([one.name for one in with_hub], said) == ([one.name for one in THREE.variants], [])
    without, said = resolve_variants(THREE, options, hub=False)
    assert [one.name for one in without] == [one.name for one in THREE.variants[:-1]]
    assert "keras-hub, which is not installed" in said[0]


def test_a_stand_in_makes_one_of_what_comes_to_the_same() -> None:
    """Pretrained networks become the stand-in with its weights; those from the start stay what they are."""
    options = CompareOptions(recipe=THREE.name, backbone="mobilenet_v2", training={"weights": "/weights.h5"})
    found, said = resolve_variants(THREE, options, hub=True)
    assert {one.name: (one.training.backbone, one.training.weights) for one in found} == {
        "vgg19": ("mobilenet_v2", "/weights.h5"),
        "vgg19-augmented": ("mobilenet_v2", "/weights.h5"),
        "vit-tiny": ("vit_tiny", "none"),
    }
    assert (found[0].title, found[-1].title) == (
        "mobilenet_v2 in place of VGG19",
        "Small vision transformer, from the start",
    )
    over, twin, missing = said
    assert over == "Put over what the recipe says, for every variant that takes it: weights weights.h5."
    assert "further convolutions comes to the same as mobilenet_v2 in place of VGG19, and was trained once" in twin
    assert missing == "ViT-B/16 at 224 pixels was left out: mobilenet_v2 in its place would be no transformer."


def test_options_go_before_those_of_the_recipe() -> None:
    """Also within a group, whose other options stay the recipe's."""
    options = CompareOptions(recipe="pneumonia", training={"epochs": 3, "augmentation": {"rotation": 5}})
    found, _ = resolve_variants(read_recipe("pneumonia"), options, hub=False)
    assert {one.training.epochs for one in found} == {3}
    assert {(one.training.augmentation.rotation, one.training.augmentation.horizontal_flip) for one in found} == {
        (5.0, True)
    }


def test_trials_go_before_those_of_the_recipe() -> None:
    """None leaves them, a number replaces them, and 0 searches nothing."""
    search = Search(trials=9, ranges=(SearchRange(option="dropout", low=0.1, high=0.6),))
    (first, *_) = THREE.variants
    recipe: Recipe = THREE.model_copy(update={"variants": (first.model_copy(update={"search": search}),)})
    for asked, trials in ((None, 9), (3, 3), (0, None)):
        options = CompareOptions(recipe=recipe.name, trials=asked)
        ((one,), _) = resolve_variants(recipe, options, hub=False)
        assert (one.search.trials if one.search else None) == trials


def test_options_that_there_are_not_are_refused_in_words() -> None:
    """The message names the variant and the option."""
    options = CompareOptions(recipe=THREE.name, training={"tea": 1})
    with pytest.raises(ConfigurationError, match=r"vgg19 of three-classes cannot be trained so: tea"):
        resolve_variants(THREE, options, hub=False)


def test_a_recipe_of_which_nothing_is_left_is_refused() -> None:
    """There is nothing to compare."""
    recipe = THREE.model_copy(update={"variants": THREE.variants[-1:]})
    with pytest.raises(ConfigurationError, match="no variant of three-classes can be trained: ViT-B/16"):
        resolve_variants(recipe, CompareOptions(recipe=recipe.name), hub=False)
