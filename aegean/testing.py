"""Contracts of what can be added to aegean, as functions: a package that adds a network, a prior, a term, a recipe or
a kind of data calls them in its tests, as aegean does. Each raises AssertionError where its contract is broken."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from aegean.data import kinds as data_kinds
from aegean.data.info import DataInfo
from aegean.data.io.inputs import read_inputs
from aegean.metrics import kinds as metrics_kinds
from aegean.nets import kinds as nets_kinds
from aegean.recipes import smoke
from aegean.report import kinds as report_kinds


def check_kind(info: DataInfo, raw: np.ndarray) -> None:
    """A kind has a row in every table that training, measuring and comparing ask, and the rows do what they say.

    info: some data of that kind
    raw: at least twenty samples of them (n, *shape), of info.dtype
    """
    check_data_row(info, raw)
    check_networks(info)
    check_metrics_row(info, raw)
    check_report_row(info, raw)


def check_data_row(info: DataInfo, raw: np.ndarray) -> None:
    """Samples can be named, shown, written and read back."""
    row = data_kinds.kind_of(info)
    assert row.sample and row.samples and row.describe(info)
    assert row.show({"": raw}, info, 0).startswith(b"\x89PNG")
    assert row.show({"a": raw, "b": raw}, info, 4).startswith(b"\x89PNG")
    with tempfile.TemporaryDirectory() as place:
        names = [f"sample-{n:02d}" for n in range(len(raw))]
        written = row.write(raw, names, Path(place), info)
        assert written and all(path.is_file() for path in written)
        _, again = read_inputs([str(path) for path in written], info)
    assert again.dtype == raw.dtype and np.allclose(again, raw)


def check_networks(info: DataInfo) -> None:
    """The networks that may be chosen take the samples and make others of their shape."""
    row = nets_kinds.kind_of(info)
    x = torch.zeros(2, *info.shape)
    for network in row.networks:
        for recipe in ("ae", "gan"):
            run = smoke(recipe, info, network=network)
            nets = {name: spec.build() for name, spec in run.nets.items()}
            assert nets["G"](torch.zeros(2, nets["G"].latent)).shape == x.shape, f"{network}: decoder"
            if "E" in nets:
                assert [tuple(h.shape[1:]) for h in nets["E"](x)] == [tuple(level) for level in nets["E"].levels]
            else:
                assert nets["D"](x, torch.zeros(2, 0)).logits[0].shape == (2,), f"{network}: discriminator"


def check_metrics_row(info: DataInfo, raw: np.ndarray) -> None:
    """Features have their width, views keep the shape, an exact copy is perfect and another sample is not."""
    row = metrics_kinds.kind_of(info)
    x = info.normalise(raw)
    assert row.trunk(info).eval()(x).shape == (len(x), metrics_kinds.WIDTH)
    for view in (row.augment, row.view):
        if view is not None:
            seen = [view(x, torch.Generator().manual_seed(seed)) for seed in (0, 0)]
            assert seen[0].shape == x.shape and torch.equal(*seen), "a view is a function of its generator"
    qualities = row.quality(info)
    assert qualities, "nothing tells how good a reconstruction is"
    for name, quality in qualities.items():
        exact, wrong = quality.formula(x.numpy(), x.numpy()), quality.formula(x.numpy(), x.flip(0).numpy())
        assert np.isclose(exact, quality.perfect), f"{name}: {exact} for an exact copy"
        assert (wrong < exact) if quality.better == "higher" else (wrong > exact), f"{name}: {wrong} for others"


def check_report_row(info: DataInfo, raw: np.ndarray) -> None:
    """A page can show them."""
    row = report_kinds.kind_of(info)
    assert min(row.count(info), row.pairs, row.bases, row.draws) > 0
    for draw in (row.held_out, row.sheet, row.strip):
        shown = draw(report_kinds.Drawing(raw, raw, info, 0, "what they are"))
        assert "<img" in shown or "<svg" in shown, "a drawing is an element of a page"
