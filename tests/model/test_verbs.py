"""Verbs: what each needs, whether its hint is true, and that none answers with numbers that are not finite."""

import re

import pytest
import torch

from aegean import surface
from aegean.config import UserError
from aegean.data.column import Column, width
from aegean.data.info import DataInfo
from aegean.latent import NormalPrior
from aegean.model import VERBS, Model, hint
from aegean.recipes import RECIPES, smoke
from aegean.testing import with_sides

DIGITS = DataInfo("digits", (1, 8, 8), (127.5,), (127.5,), count=100)


TABLE = (Column("a", "whole", values=(0.0, 1.0), ends=(0.5, 1.0)), Column("b", "category", ("x",), counts=(1,)))
ROWS = DataInfo("rows", (width(TABLE),), (0.0,), (1.0,), "float64", count=100, table=TABLE, kind="table")


def built(recipe, data=DIGITS):
    """The model of a recipe as it is before training."""
    torch.manual_seed(0)
    info = with_sides(recipe, data)
    run = smoke(recipe, info)
    specs = {name: spec for name, spec in run.nets.items() if name not in run.training_only}
    return Model(specs, {name: spec.build() for name, spec in specs.items()}, info, run.bound, {}, run.wiring)


@pytest.mark.parametrize("verb", VERBS)
def test_a_hint_is_true(verb):
    """Every recipe that it names gives the verb, and it names one at least."""
    named = [word for word in re.findall(r"\w+", hint(verb)) if word in RECIPES]
    assert named
    for recipe in named:
        assert verb in built(recipe, ROWS if verb == "impute" else DIGITS).can(), recipe


def test_a_prior_is_fitted_as_the_surface_in_use_has_it():
    assert 'aegean.fit_prior("a", "mixture")' in hint("sample", "a")
    with surface.using(surface.Surface(commands=True)):
        assert "aegean fit a --prior mixture" in hint("sample", "a")


def test_a_verb_needs_what_its_table_says():
    bare = Model({}, {}, DIGITS)
    assert bare.can() == []
    rows = built("codec")
    rows.info = DataInfo("rows", (64,), (0.0,), (1.0,))
    assert {"compress", "compress_lossless"} <= set(built("codec").can()) - set(rows.can())


CALLS = {
    "encode": lambda model, x: model.encode(x),
    "decode": lambda model, x: model.decode(torch.zeros(3, model.latent)),
    "reconstruct": lambda model, x: model.reconstruct(x),
    "sample": lambda model, x: model.sample(3),
    "score": lambda model, x: model.score(x),
    "levels": lambda model, x: model.levels(x),
    "redraw": lambda model, x: model.redraw(0, 3),
    "from_top": lambda model, x: model.reconstruct(x, top=1),
    "encode_level": lambda model, x: model.encode_level(0, x),
    "compress": lambda model, x: model.compress(x),
    "compress_lossless": lambda model, x: model.compress(x, lossless=True),
}
MODELS = {"vae": ("encode", "decode", "reconstruct", "sample", "score", "levels", "encode_level"),
          "hierarchical_vae": ("decode", "sample", "score", "redraw", "from_top"),
          "stacked_gan": ("sample", "redraw", "from_top"), "multiscale_gan": ("decode", "sample", "redraw"),
          "codec": ("compress", "compress_lossless"), "vq_ae": ("compress", "reconstruct")}  # fmt: skip


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e38], ids=str)
@pytest.mark.parametrize(("recipe", "verb"), [(recipe, verb) for recipe, verbs in MODELS.items() for verb in verbs])
def test_weights_that_have_diverged_are_refused_in_words(recipe, verb, value):
    """Not a number, infinite, and finite ones whose products overflow, which a clipped image would hide."""
    model, x = built(recipe), torch.rand(3, 1, 8, 8) * 2 - 1
    CALLS[verb](model, x)
    for net in model.nets.values():
        for param in net.parameters():
            param.fill_(value)
    if verb == "compress_lossless" and value == 1e38:  # its network is rounded to whole numbers, and still exact
        assert torch.equal(model.decompress(CALLS[verb](model, x)), model.info.normalise(model.info.restore(x)))
        return
    with pytest.raises(UserError, match=r"diverged|damaged"):
        CALLS[verb](model, x)


@pytest.mark.parametrize("verb", ["encode", "reconstruct", "score", "levels", "decode"])
@pytest.mark.parametrize("value", [float("nan"), -float("inf")])
def test_samples_that_are_not_finite_are_not_blamed_on_the_model(verb, value):
    model, x = built("vae"), torch.zeros(3, 1, 8, 8)
    x[1, 0, 2, 3] = value
    with pytest.raises(UserError, match="NaN or infinity"):
        model.decode(torch.full((1, model.latent), value)) if verb == "decode" else CALLS[verb](model, x)


def test_only_a_diverged_prior_is_named():
    model = built("vae")
    assert isinstance(model.nets["prior"], NormalPrior)
    model.nets["G"].state_dict()["stem.weight"].fill_(float("nan"))
    with pytest.raises(UserError, match="network G are"):
        model.sample(2)
    assert model.encode(torch.zeros(2, 1, 8, 8)).isfinite().all()  # what it does not need does not matter
