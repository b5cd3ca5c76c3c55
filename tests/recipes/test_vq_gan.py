"""Symbols sharpened by an adversary: what it begins with, what it leaves alone, and what its start costs."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
from steps import DIGITS, trainer

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.model import Model
from aegean.recipes import configure, smoke

TABLE = DataInfo("table", (6,), (0.0,), (1.0,), dtype="float32")


def specs(name, **settings):
    return smoke(name, DIGITS, **settings).nets


def test_a_discriminator_judges_patches_of_pictures_and_rows_as_a_whole():
    D = smoke("vq_gan", DIGITS).nets["D"].build()
    judged = D(torch.randn(3, 1, 8, 8), torch.zeros(3, 0))
    assert judged.logits[0].shape == (3, 16)
    rows = smoke("vq_gan", TABLE).nets["D"].build()
    assert rows(torch.randn(3, 6), torch.zeros(3, 0)).logits[0].shape == (3,)


@pytest.mark.parametrize("source", ["codec", "vq_ae"])
def test_from_a_trained_codec_the_judge_begins_at_once(source):
    handed = specs(source, width=16)
    run = configure("vq_gan", DIGITS, {"width": 8}, handed)
    assert [phase.name for phase in run.schedule] == ["warm-up", "adversarial"]
    assert run.schedule[0].trains == ("D",)  # the decoder holds still
    assert {name: run.nets[name] for name in handed} == handed  # sizes are the source's


@pytest.mark.parametrize(
    "quantiser,first", [("vector", "autoencoder"), ("residual", "autoencoder"), ("finite", "codec")]
)
def test_from_a_plain_autoencoder_symbols_are_learnt_first(quantiser, first):
    handed = specs("ae", latent=32)
    run = configure("vq_gan", DIGITS, {"quantiser": quantiser}, handed)
    assert [phase.name for phase in run.schedule] == [first, "warm-up", "adversarial"]
    assert (run.nets["E"], run.nets["G"]) == (handed["E"], handed["G"])
    assert run.nets["bottleneck"].args["latent"] == 32


@pytest.mark.parametrize(
    "recipe,source,message",
    [
        ("vq_gan", ("ae", {"latent": 10}), r"16 places.*latent=16"),
        ("vq_ae", ("ae", {"latent": 16, "conditional": True}), "trained with classes"),
        ("vq_gan", ("gan", {}), "prior, G, D; .* an autoencoder"),
        ("codec", ("hierarchical_vae", {}), "starts from an autoencoder with one latent"),
        ("codec", ("vq_ae", {}), "has a vector quantiser.*needs a finite"),
        ("codec", ("vq_ae", {"quantiser": "finite"}), "counts symbols without their neighbours"),
        ("vq_ae", ("codec", {}), "has a finite quantiser.*needs a vector"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_what_cannot_begin_a_codec_is_refused_with_what_can(recipe, source, message):
    name, settings = source
    with pytest.raises(UserError, match=message):
        configure(recipe, DIGITS, {}, specs(name, **settings))


def test_no_images_for_the_adversary_are_refused():
    with pytest.raises(UserError, match=r"plain=1.0 leaves no images for the adversary"):
        configure("vq_gan", DIGITS, {"plain": 1})
    with pytest.raises(UserError, match=r"warmup=1.0 leaves no images for the adversary"):
        configure("vq_gan", DIGITS, {"warmup": 1})


def test_the_pixels_of_a_lossless_run_go_on_in_a_codec():
    handed = specs("lossless")
    run = configure("codec", DIGITS, {}, handed)
    assert run.nets["pixels"] == handed["pixels"] and "E" in run.nets


def cost(**settings):
    """How much PSNR the decoder's own weights and its averaged ones lose at most in the adversary's first 100 steps, in
    dB, on digits that are held out."""
    t = trainer("vq_gan", steps=800, width=8, **settings)
    next(began for began in t if t.phase is t.run.schedule[-1])
    x = DIGITS.normalise(held_out())
    found = []
    for _ in range(10):
        found.append([psnr(model, x) for model in (raw_model(t), t.model())])
        for _ in range(10):
            t.step()
    return [found[0][i] - min(value[i] for value in found) for i in range(2)]


def held_out():
    x, _ = load_digits(return_X_y=True)
    return np.rint(x * 255 / 16).astype(np.uint8).reshape(-1, 1, 8, 8)[1000:]


def raw_model(t):
    """The model with the weights themselves in the place of their averages."""
    kept = t.model()
    return Model(kept.specs, {name: t.nets[name] for name in kept.nets}, kept.info)


def psnr(model, x):
    return -10 * float((model.reconstruct(x).clamp(-1, 1) - x).square().mean().div(4).log10())


@pytest.mark.slow
def test_the_adversary_s_start_costs_at_most_one_decibel():
    raw, averaged = cost(quantiser="vector", levels=16, depth=8)

    assert raw <= 1.0 and averaged <= 1.0
