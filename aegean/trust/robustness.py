"""How easily an autoencoder is misled: the change of its input, too small to be seen, that moves its answer most."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from aegean import draw
from aegean.config import UserError
from aegean.data import DataOptions, Dataset, open_data
from aegean.data.batch import Batch
from aegean.data.kinds import kind_of
from aegean.machine import pick_device
from aegean.metrics.samples import check_fits, chosen
from aegean.model import Model
from aegean.session.runs import home, load, own_data
from aegean.surface import option
from aegean.trust import kinds

Answer = Callable[[Tensor], Tensor]  # samples (n, *shape) -> (n, ...)

EPS = 8 / 255
STEPS = 30
SMALL = 1e-3  # of a sample's root mean square, where a move is as good as linear
AMPLIFIED = 20  # times, one direction of the planted weak encoder
COPIES = 8  # with noise, over which a smoothed encoder averages
SMOOTH = 2.0  # deviation of that noise, in eps
REFINED = 50  # steps of the latent


def attack(
    path: str | Path,
    eps: float = EPS,
    data: str | DataOptions | None = None,
    count: int = 64,
    seed: int = 0,
    device: str = "auto",
) -> dict[str, Any]:
    """Attack the encoder and the reconstruction of a model on held-out records.

    path: a run folder or a model file.
    eps: how far each value may move, as a share of the range; of rows in standard deviations.
    data: other records than those of the run, a SPEC or DataOptions.
    count: records, at most 256.
    seed: of their choice and of every draw.
    device: auto, cuda, mps or cpu.

    A move is told in units of the median distance between two records (kappa): 1 turns a record into another one, for
    whatever reads the latents. `input` is that of the change itself, and of an encoder that stretches nothing.

    UserError: a model that does not reconstruct, eps out of (0, 1], data that do not fit.
    """
    if not 0 < eps <= 1:
        raise UserError(f"{option('eps', eps)}: expected a share of the range above 0, up to 1, such as 0.03.")
    if not 2 <= count <= 256:
        raise UserError(f"{option('count', count)}: expected from 2 to 256 records.")
    model = load(path, pick_device(device))
    kinds.kind_of(model.info).move(model.info)
    model.need("reconstruct")
    dataset = own_data(path, home(path).read()) if data is None else open_data(data, model.info.table)
    check_fits(model.info, dataset.info, "The model")
    x, labels = _records(dataset, model, count, seed)
    reach = eps * (2 if kind_of(model.info).bounded else 1)
    encoder = partial(answer, model, labels, "latent.z")
    whole = partial(answer, model, labels, "x_hat")
    mislead = partial(misled, eps=reach, seed=seed, bounded=kind_of(model.info).bounded)
    aim, other_aim = mislead(encoder, x), mislead(whole, x)
    noise = moved(x, reach * torch.sign(_normal(x, seed, "equal noise")), kind_of(model.info).bounded)
    smooth = partial(smoothed, encoder, deviation=SMOOTH * reach, seed=seed)
    direction = _unit(x[:1] - x[1:2])[0]
    weak = partial(answer, weakened(model, direction), labels, "latent.z")
    plain = model.decode(encoder(x), labels)
    refine = partial(refined, model, labels)
    return {
        "run": str(path),
        "recipe": model.about.get("recipe"),
        "eps": eps,
        "records": len(x),
        "input": _kappas(lambda x: x, x, aim, noise),
        "encoder": _kappas(encoder, x, aim, noise),
        "reconstruction": _kappas(whole, x, other_aim, noise),
        "check": _check(encoder, x, seed),
        "planted": {**_kappas(weak, x, mislead(weak, x), noise, encoder), **_found(weak, x, direction, seed)},
        "defences": {
            "smoothing": {
                **_kappas(smooth, x, mislead(smooth, x), noise),
                **_price(model, labels, x, plain, smooth(x)),
            },
            "refinement": {**_kappas(refine, x, aim, noise), **_price(model, labels, x, plain, refine(x))},
        },
    }


def misled(f: Answer, x: Tensor, eps: float, seed: int, bounded: bool, steps: int = STEPS) -> Tensor:
    """x (n, *shape), each value moved by eps at most, such that |f(x') - f(x)| is as large as `steps` find.

    Projected gradient ascent on signs (Madry et al. 2018, section 2.1) from a random start; the best step is kept.
    """
    with torch.no_grad():
        there = f(x)
    move = eps * (2 * draw.uniform(draw.key(seed, "start"), torch.arange(len(x)), tuple(x.shape[1:])) - 1).to(x.device)
    best, farthest = move, torch.full((len(x),), -1.0, device=x.device)
    for step in range(steps + 1):
        trial = moved(x, move, bounded).requires_grad_()
        distance = (f(trial) - there).flatten(1).norm(dim=1)
        further = distance.detach() > farthest
        best = torch.where(_along(further, x), trial.detach() - x, best)
        farthest = torch.maximum(farthest, distance.detach())
        if step < steps:
            (gradient,) = torch.autograd.grad(distance.sum(), trial)
            move = (move + 2.5 * eps / steps * gradient.sign()).clamp(-eps, eps)
    return x + best


def moved(x: Tensor, by: Tensor, bounded: bool) -> Tensor:
    return (x + by).clamp(-1, 1) if bounded else x + by


def gain(f: Answer, x: Tensor, seed: int, iterations: int = 30) -> tuple[Tensor, Tensor]:
    """The largest singular value (n,) of the Jacobian of f at each of x, and its direction (n, *shape): power iteration
    on J^T J."""
    v = _unit(_normal(x, seed, "power"))
    value, x = torch.zeros(len(x), device=x.device), x.detach().requires_grad_()
    y = f(x)
    u = torch.zeros_like(y, requires_grad=True)
    (backward,) = torch.autograd.grad(y, x, u, create_graph=True)  # linear in u, so its own gradient is J
    for _ in range(iterations):
        (forward,) = torch.autograd.grad(backward, u, v, retain_graph=True)
        value = forward.flatten(1).norm(dim=1)
        v = _unit(torch.autograd.grad(y, x, forward, retain_graph=True)[0])
    return value, v


def weakened(model: Model, direction: Tensor) -> Model:
    """The same model, whose encoder sees one direction (*shape) amplified."""
    nets = {**model.nets, "E": Amplified(model.nets["E"], direction)}
    return Model(model.specs, nets, model.info, (), {}, model.wiring_name)


class Amplified(nn.Module):
    """An encoder before which one direction of the data is amplified."""

    def __init__(self, encoder: nn.Module, direction: Tensor):
        super().__init__()
        self.encoder, self.direction = encoder, direction
        self.levels = getattr(encoder, "levels", None)

    def forward(self, x: Tensor) -> Any:
        along = (x * self.direction).flatten(1).sum(1)
        return self.encoder(x + (AMPLIFIED - 1) * _along(along, x) * self.direction)


def smoothed(f: Answer, x: Tensor, deviation: float, seed: int) -> Tensor:
    """The mean answer over copies with noise (Cohen et al. 2019); the same noise for all calls, so that an attacker
    sees through it."""
    noises = (_normal(x, seed, f"smooth {copy}") for copy in range(COPIES))
    return torch.stack([f(x + deviation * noise) for noise in noises]).mean(0)


@torch.enable_grad()
def refined(model: Model, labels: Tensor | None, x: Tensor) -> Tensor:
    """Latents that reconstruct x best near those that the encoder gives: Adam on them. An attack on the encoder does
    not know of it."""
    z = model.encode(x, labels).detach().requires_grad_()
    adam = torch.optim.Adam([z], lr=0.05 * float(z.detach().std()) + 1e-8)
    for _ in range(REFINED):
        adam.zero_grad()
        error = model.run("x_decoded", Batch(z, labels), grad=True) - x
        error.square().flatten(1).sum(1).sum().backward()
        adam.step()
    return z.detach()


def answer(model: Model, labels: Tensor | None, path: str, x: Tensor) -> Tensor:
    """A path's value (n, ...), with its graph."""
    return model.run(path, Batch(x, labels), grad=True)  # type: ignore[no-any-return]


def _records(dataset: Dataset, model: Model, count: int, seed: int) -> tuple[Tensor, Tensor | None]:
    if len(dataset.test) < 2:
        raise UserError(f"{dataset.info.name}: {len(dataset.test)} held-out records; at least 2 are needed.")
    places = chosen(len(dataset.test), count, seed)
    labels = None
    if model.conditional:
        if dataset.test_labels is None:
            raise UserError(f"{dataset.info.name} has no classes, which this model needs.")
        labels = torch.as_tensor(dataset.test_labels[places]).to(model.device)
    return model.info.normalise(dataset.test[places]).to(model.device), labels


def _kappas(f: Answer, x: Tensor, aim: Tensor, noise: Tensor, unit: Answer | None = None) -> dict[str, float]:
    """Median moves under attack and under equal noise, over the median distance between two records: of f, or of
    another one."""
    with torch.no_grad():
        there, attacked, disturbed, own = f(x), f(aim), f(noise), (unit or f)(x)
    apart = float((own - own.roll(1, 0)).flatten(1).norm(dim=1).median())
    found = {"kappa": attacked, "noise": disturbed}
    return {name: float((y - there).flatten(1).norm(dim=1).median()) / (apart or 1.0) for name, y in found.items()}


def _check(f: Answer, x: Tensor, seed: int) -> dict[str, float]:
    """The same gain twice: by power iteration, and by an attack within a small ball of the Euclidean norm."""
    value, _ = gain(f, x, seed)
    radius = SMALL * float(x.square().mean().sqrt()) + 1e-12
    v = _unit(_normal(x, seed, "small"))
    with torch.no_grad():
        there = f(x)
    for _ in range(STEPS):
        trial = (x + radius * v).requires_grad_()
        distance = (f(trial) - there).flatten(1).norm(dim=1)
        v = _unit(torch.autograd.grad(distance.sum(), trial)[0])
    with torch.no_grad():
        reached = (f(x + radius * v) - there).flatten(1).norm(dim=1) / radius
    return {"jacobian": float(value.median()), "attack": float(reached.median())}


def _found(f: Answer, x: Tensor, direction: Tensor, seed: int) -> dict[str, float]:
    """How well the most sensitive direction is the planted one: the median of |cosine|."""
    _, v = gain(f, x, seed)
    return {"cosine": float((v * direction).flatten(1).sum(1).abs().median())}


def _price(model: Model, labels: Tensor | None, x: Tensor, plain: Tensor, z: Tensor) -> dict[str, float]:
    """PSNR in dB of reconstructions of records that nobody attacked, without the defence and with it."""
    with torch.no_grad():
        made = model.decode(z.detach(), labels)
    errors = {"psnr": made, "psnr_without": plain}
    return {name: float(10 * torch.log10(4 / (y - x).square().mean().clamp_min(1e-10))) for name, y in errors.items()}


def _normal(x: Tensor, seed: int, stream: str) -> Tensor:
    return draw.normal(draw.key(seed, stream), torch.arange(len(x)), tuple(x.shape[1:])).to(x.device)


def _unit(v: Tensor) -> Tensor:
    """Samples (n, *shape), each at the norm 1."""
    return v / _along(v.flatten(1).norm(dim=1).clamp_min(1e-12), v)


def _along(values: Tensor, x: Tensor) -> Tensor:
    """Numbers (n,), one for each of samples x (n, *shape)."""
    return values.view(-1, *(1,) * (x.dim() - 1))
