"""Contracts of what can be added to aegean, as functions: a package that adds a network, a prior, a term, a recipe or
a kind of data calls them in its tests, as aegean does. Each raises AssertionError where its contract is broken."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aegean.config import Config, Net, from_json, to_json
from aegean.data import kinds as data_kinds
from aegean.data.info import DataInfo
from aegean.data.io.inputs import read_inputs
from aegean.data.sets.feed import Feed
from aegean.metrics import kinds as metrics_kinds
from aegean.metrics.scores import DIRECTIONS
from aegean.nets import kinds as nets_kinds
from aegean.objectives import Term
from aegean.paths import Paths
from aegean.recipes import RECIPES, smoke
from aegean.recipes.registry import ONLY, SIDES
from aegean.report import kinds as report_kinds
from aegean.training.engine import Engine
from aegean.training.player import Player, parameters
from aegean.training.trainer import Trainer, fit
from aegean.training.world import World


def check_network(spec: Net, *inputs: Tensor | None) -> nn.Module:
    """A network is its description, and pure: a sample's output depends on its own inputs alone. The network.

    inputs: what its forward takes, each (B, ...) or None, noise among them; B at least 4 packs
    """
    check_description(spec)
    net = spec.build()
    away_from_zero(net)
    state, chance = {key: value.clone() for key, value in net.state_dict().items()}, torch.get_rng_state()
    found, again = tensors(net(*inputs)), tensors(net(*inputs))
    assert torch.equal(chance, torch.get_rng_state()), f"{spec.kind} draws; noise must come as input"
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items()), (
        f"{spec.kind} writes a buffer"
    )
    assert found and all(map(torch.equal, found, again)), f"{spec.kind} gives two answers to one question"
    assert all(value.isfinite().all() for value in found), f"{spec.kind} gives numbers that are not finite"
    pack = getattr(net, "pack", 1)
    for whole, part in zip(found, tensors(net(*(None if x is None else x[: 2 * pack] for x in inputs)))):
        torch.testing.assert_close(part, whole[: len(part)], rtol=1e-4, atol=1e-5)
    return net


def check_bottleneck(spec: Net, count: int = 6) -> None:
    """A network; from features of the level that it is made for: latents z, and their rate in bits a sample."""
    outline = spec.outline()
    h, noise = torch.randn(count, *spec.args["level"]), torch.randn(count, outline.latent)
    classes = spec.args.get("classes", 0)
    labels = torch.arange(count) % classes if classes else None
    latent = check_network(spec, h, noise, labels)(h, noise, labels)
    assert latent.z.shape == (count, outline.latent) and latent.rate.shape == (count,), f"{spec.kind}: shapes"


def check_prior(spec: Net, count: int = 200) -> None:
    """A network from noise to latents. `training.trainer.fit` makes it a function of the latents it is given, and draws
    from no global generator."""
    latent, classes = spec.args["latent"], spec.args.get("classes", 0)
    normal, uniform = torch.randn(count, latent), torch.rand(count, 1)
    labels = torch.arange(count) % classes if classes else None
    prior: Any = check_network(spec, normal, uniform, labels)
    assert prior(normal, uniform, labels).shape == (count, latent), f"{spec.kind}: shape"
    other: Any = spec.build()
    z, chance = 3 + 2 * torch.randn(count, latent), torch.get_rng_state()
    for each in (prior, other):
        fit(each, z, labels)
    assert torch.equal(chance, torch.get_rng_state()), f"{spec.kind}.fit draws from the global generator"
    for key, value in prior.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), (
            f"{spec.kind}: {key} depends on what it was fitted to before"
        )


def check_recipe(name: str, info: DataInfo, **settings: Any) -> None:
    """A recipe is documented and survives JSON; its terms are true to what they say of themselves (`check_term`,
    `check_reach`).

    info: of the data; the samples are noise
    settings: options of the recipe
    """
    assert RECIPES[name].__doc__, f"{name} has no documentation"
    trainer = noise_trainer(name, info, **settings)
    check_description(trainer.run)
    for turn in trainer.run.schedule[0].turns:
        trainer.step()
        trainer.current.ready(trainer.images)
        for net in trainer.nets.values():
            net.requires_grad_(False)
        index = trainer.at.at_run + torch.arange(trainer.run.batch)
        for term in turn.terms:
            whole, half = (trainer.current.paths(turn, some, 0, [term]) for some in (index, index[: len(index) // 2]))
            check_term(term, whole, half)
    check_reach(noise_trainer(name, info, **settings))


def check_term(term: Term, whole: Paths, half: Paths) -> None:
    """A term gives finite numbers, and says whether they depend on the rest of the batch.

    whole: the paths of a batch
    half: those of its first half
    """
    check_description(term)
    assert term.trains, f"{term.label} trains nobody"
    values, alone = term(whole), term(half)
    assert values.shape == values.shape[:1] and values.isfinite().all(), (
        f"{term.label} gives {values.shape}, or no numbers"
    )
    same = torch.allclose(values[: len(alone)], alone, rtol=1e-4, atol=1e-5)
    assert same is not term.couples, f"{term.label}.couples is {term.couples}"


def check_reach(trainer: Trainer) -> None:
    """The gradient of every term of every phase moves whom it names and nobody else."""
    for number, phase in enumerate(trainer.run.schedule):
        trainer.phase_number = number
        trainer.enter(with_edges=False)
        trainer.step()  # away from the zeros of the initialisation
        for turn, term in ((played, one) for played in phase.turns for one in played.terms):
            player = Player(turn.replace(terms=(term,), lr=0.01), trainer.nets, trainer.device)
            before = {k: v.clone() for k, v in parameters(trainer.nets, trainer.nets).items()}
            trainer.current.play(player)
            moved = {k for k, v in parameters(trainer.nets, trainer.nets).items() if not torch.equal(before[k], v)}
            others = moved - set(parameters(trainer.nets, term.trains))
            assert not others, f"{phase.name}/{turn.name}/{term.label} moved {others}"
            for part in term.trains:
                assert moved & set(parameters(trainer.nets, (part,))), f"{term.label} does not move {part}"


def noise_trainer(name: str, info: DataInfo, steps: int = 10, engine: Engine | None = None, **settings: Any) -> Trainer:
    """A recipe shrunk to some steps on samples of noise."""
    draw = np.random.default_rng(0)
    raw = draw.uniform(-1, 1, (200, *info.shape)) * np.max(info.scale) + np.max(info.offset)
    labels = draw.integers(0, len(info.classes), len(raw)) if info.classes else None
    return trainer_on(name, info, raw.astype(info.dtype), labels, steps, engine, **settings)


def trainer_on(
    name: str,
    info: DataInfo,
    raw: np.ndarray,
    labels: np.ndarray | None = None,
    steps: int = 10,
    engine: Engine | None = None,
    seed: int = 0,
    world: World | None = None,
    **settings: Any,
) -> Trainer:
    """A recipe shrunk to some steps on raw samples (n, *shape); of one that takes two sides, the other is their
    negative. One that takes sounds alone hears the samples row by row."""
    cpu, given = torch.device("cpu"), info
    info = with_sides(name, info)
    if info.shape != given.shape:
        raw = given.normalise(raw).numpy().reshape(len(raw), *info.shape)
    run = smoke(name, info, steps, **settings).replace(seed=seed)
    other = 2 * np.max(info.offset) - raw
    if info.paired:
        raw = np.concatenate((raw, other.astype(info.dtype)), 1)
    beside = Feed(info.target, other.astype(info.dtype), labels, cpu, seed) if info.target and not info.paired else None
    return Trainer(run, info, Feed(info, raw, labels, cpu, seed, other=beside), cpu, engine, world)


def with_sides(name: str, info: DataInfo) -> DataInfo:
    """Data as a recipe takes them: with another side of the same shape, for one that takes two; of the kind that it is
    made for."""
    if ONLY[name]:
        form = {"offset": (0.0,), "scale": (1.0,), "dtype": "float32", "rate": 250}
        return info.replace(shape=(1, math.prod(info.shape)), kind=ONLY[name], **form)
    return info.replace(target=info, paired=SIDES[name] == "name") if SIDES[name] else info


def check_description(config: Config) -> None:
    """A description survives JSON."""
    assert from_json(json.loads(json.dumps(to_json(config)))) == config, f"{config} does not come back from JSON"


def away_from_zero(net: nn.Module) -> None:
    """Move every parameter a little: branches that begin at zero hide what is behind them."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for param in net.parameters():
            param.add_(0.05 * torch.randn(param.shape, generator=generator))


def tensors(value: Any) -> list[Tensor]:
    """All tensors of an output, depth first."""

    def walk(value: Any) -> Iterator[Tensor]:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            for part in value:
                yield from walk(part)

    return list(walk(value))


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
    assert again.dtype == raw.dtype and np.allclose(again, raw, atol=2.0**-15)  # sounds are written with 16 bits


def check_networks(info: DataInfo) -> None:
    """The networks that may be chosen take the samples and make others of their shape."""
    row = nets_kinds.kind_of(info)
    x = torch.zeros(2, *info.shape)
    for network in row.networks:
        for recipe in ("ae", "gan") if not row.recipes else ("ae",):
            run = smoke(recipe, info, network=network)
            nets = {name: spec.build() for name, spec in run.nets.items()}
            made = getattr(nets["G"], "write", nets["G"])(torch.zeros(2, nets["G"].latent))
            assert made.shape == x.shape, f"{network}: decoder"
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
    if row.texture:
        real, compare = x.numpy(), row.texture.beside(x.numpy())
        own, lost = compare(real), compare(row.texture.blurred(real))
        assert {name.split("@")[0] for name in own} <= set(DIRECTIONS), "a metric that nobody knows"
        assert own.keys() == lost.keys() and own != lost, "a metric that is blind to texture"
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
        assert any(f"<{element}" in shown for element in ("img", "svg", "ol")), "a drawing is an element of a page"
