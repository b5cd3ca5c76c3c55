"""The parts of a model that can leave it: functions of plain tensors with a batch of any size.

    encoder         x (n, *shape) -> z (n, latent), the posterior's mean
    decoder         z (n, latent) -> x (n, *shape)
    generator       noise (n, numbers) from N(0, 1) -> x (n, *shape), through the prior
    discriminator   x (n, *shape) -> logits (n, heads), without augmentation
    restorer        x (n, C, H, W) -> x; of one that fills holes with a mask (n, 1, H, W), above 0 in holes
    translator      x (n, C, H, W) -> x (n, C', H, W) of the other side

Height and width of the last two are any multiples of 8 (the network's stride); the exact decoder restores, the
sharpened one translates where there is one.

x is in the model's range; of texts it is tokens, the likeliest at each place or, by a generator that draws them, the
drawn ones. Where the part's networks have classes, `labels` (n,) int64 come beside; where the prior chooses among
components or tokens are drawn, `uniform` (n, numbers) from (0, 1).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from aegean.config import UserError
from aegean.data.batch import Batch
from aegean.model import Model, hint
from aegean.model.checks import check_finite
from aegean.nets import DiscriminatorOutput
from aegean.surface import option

VERBS = {
    "encoder": "encode",
    "decoder": "decode",
    "generator": "sample",
    "restorer": "restore",
    "translator": "translate",
}
ANY_SIZE = ("restorer", "translator")
OUTPUTS = {"encoder": "z", "decoder": "x", "generator": "x", "discriminator": "logits",
    "restorer": "x_hat", "translator": "x_hat"}  # fmt: skip


class Part(nn.Module):
    """A part of a model as a module of its own, called with named tensors; it shares the model's weights.

    `inputs`: the shape of one sample of each input, by name. `streams`: what a generator's noise consists of, in order:
    the draws of `Model.sample` and how many numbers each takes. UserError: the model lacks this part.
    """

    def __init__(self, name: str, model: Model):
        super().__init__()
        check(name, model)
        self.name, self.wiring, self.compute, self.output = name, model.wiring, COMPUTE[name], OUTPUTS[name]
        nets = _UsedNets(model.nets)
        if name == "discriminator":
            nets["D"] = _bare(model.nets["D"])
        self.stride = model.wiring.reach(model.nets)[0] if name in ANY_SIZE else 1  # type: ignore[attr-defined]
        self.inputs, self.streams = _inputs(name, model, self.stride)
        with torch.no_grad():
            self.compute(self.wiring, nets, **{key: seeded(key, shape, 1) for key, shape in self.inputs.items()})
        self.nets = nn.ModuleDict({key: net for key, net in nets.items() if key in nets.names})
        if not any(getattr(net, "classes", 0) for net in self.nets.modules()):
            self.inputs.pop("labels", None)
        self.eval().requires_grad_(False)

    def forward(
        self,
        x: Tensor | None = None,
        z: Tensor | None = None,
        noise: Tensor | None = None,
        labels: Tensor | None = None,
        uniform: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        named = {"x": x, "z": z, "noise": noise, "labels": labels, "uniform": uniform, "mask": mask}
        return self.compute(self.wiring, self.nets, **{key: value for key, value in named.items() if value is not None})


def check(name: str, model: Model, run: str = "RUN") -> None:
    """UserError: the model lacks this part, or it cannot stand alone. run: as a command names it."""
    check_finite([net.state_dict() for net in model.nets.values()], model.nets)
    if name in VERBS:
        if VERBS[name] not in model.can():
            raise UserError(f"This model has no {name} to export: {hint(VERBS[name], run)}.")
        return
    discriminator = model.nets.get("D")
    if discriminator is None:
        own = "its own one sees latents, not data" if "Dz" in model.nets else "it was trained without one"
        raise UserError(f"This model has no discriminator to export: {own}; train gan, vae_gan or ae_to_gan.")
    if (pack := getattr(discriminator, "pack", 1)) > 1:
        raise UserError(
            f"This discriminator sees {pack} samples together, so it has no answer for one; train with "
            f"{option('pack', 1)} to export it."
        )


def seeded(name: str, shape: tuple[int, ...], n: int, classes: int = 1, seed: int = 0) -> Tensor:
    """n seeded random values of the named input (n, *shape)."""
    generator = torch.Generator().manual_seed(seed)
    if name == "labels":
        return torch.randint(classes, (n,), generator=generator)
    draw = torch.rand if name == "uniform" else torch.randn  # of a mask, half of the places are holes
    return draw(n, *shape, generator=generator)


def _inputs(name: str, model: Model, stride: int = 1) -> tuple[dict[str, tuple[int, ...]], list[tuple[str, int]]]:
    """The shape of one sample of each input, and the streams of a generator's noise."""
    labels: dict[str, tuple[int, ...]] = {"labels": ()} if model.conditional else {}
    if name in ANY_SIZE:
        channels, *sides = model.info.shape
        sides = [-(-side // stride) * stride for side in sides]
        mask = {"mask": (1, *sides)} if "token" in model.nets and name == "restorer" else {}
        return {"x": (channels, *sides), **mask}, []
    if name in ("encoder", "discriminator"):
        return {"x": tuple(model.info.shape), **labels}, []
    if name == "decoder":
        return {"z": (model.latent,), **labels}, []
    noted = _NoiseRecorder()
    model.run("x_fake", Batch(labels=torch.zeros(1, dtype=torch.long)), 1, noise=lambda index: noted)
    size = sum(count for _, count in noted.streams)
    needed = noted.uniform > 1 or getattr(model.nets["prior"], "components", 1) > 1
    chooses: dict[str, tuple[int, ...]] = {"uniform": (noted.uniform,)} if needed else {}
    return {"noise": (size,), **labels, **chooses}, noted.streams


def _bare(discriminator: nn.Module) -> nn.Module:
    """A discriminator that sees samples as they are, not augmented."""
    discriminator = copy.deepcopy(discriminator)
    parts: list[Any] = [net for net in discriminator.modules() if hasattr(net, "augmentation")]
    for part in parts:
        part.augmentation = ()
    return discriminator


def encoder(wiring: Any, nets: Any, x: Tensor, labels: Tensor | None = None) -> Tensor:
    return wiring(nets, Batch(x, labels)).latent.z


def decoder(wiring: Any, nets: Any, z: Tensor, labels: Tensor | None = None) -> Tensor:
    return wiring(nets, Batch(z, labels)).x_decoded


def generator(
    wiring: Any, nets: Any, noise: Tensor, labels: Tensor | None = None, uniform: Tensor | None = None
) -> Tensor:
    return wiring(nets, Batch(labels=labels), noise=_NoiseColumns(noise, uniform)).x_fake


def discriminator(wiring: Any, nets: Any, x: Tensor, labels: Tensor | None = None) -> Tensor:
    found = wiring(nets, Batch(x, labels), noise=_NoiseColumns(x.flatten(1), None)).real
    found = found if isinstance(found, DiscriminatorOutput) else found[0]  # of a hierarchy: that of the data
    return torch.stack(found.logits, 1)


def restorer(wiring: Any, nets: Any, x: Tensor, mask: Tensor | None = None) -> Tensor:
    return wiring(nets, Batch(x, mask=None if mask is None else (mask <= 0).to(x.dtype))).x_hat


def translator(wiring: Any, nets: Any, x: Tensor) -> Tensor:
    paths = wiring(nets, Batch(x))
    return paths.x_sharp if "sharp" in nets else paths.x_hat


COMPUTE: dict[str, Callable[..., Tensor]] = {
    "encoder": encoder,
    "decoder": decoder,
    "generator": generator,
    "discriminator": discriminator,
    "restorer": restorer,
    "translator": translator,
}


class _NoiseColumns:
    """The noise of paths, dealt out from the columns of `normal` and `uniform`, both (n, numbers), in the order asked
    for."""

    def __init__(self, normal: Tensor, uniform: Tensor | None):
        self.half = torch.full_like(normal[:, :1], 0.5)
        self.left = {"normal": normal} | ({} if uniform is None else {"uniform": uniform})

    def __call__(self, stream: str, kind: str, shape: tuple[int, ...]) -> Tensor:
        (count,) = shape
        if kind not in self.left:
            return self.half[:, :count]
        found, self.left[kind] = self.left[kind][:, :count], self.left[kind][:, count:]
        return found


class _NoiseRecorder:
    """The noise of paths for one sample; the normal draws that were asked for are kept in `streams`, the number of
    uniform ones in `uniform`."""

    def __init__(self) -> None:
        self.streams: list[tuple[str, int]] = []
        self.uniform = 0

    def __call__(self, stream: str, kind: str, shape: tuple[int, ...]) -> Tensor:
        if kind == "normal":
            self.streams.append((stream, shape[0]))
        else:
            self.uniform += shape[0]
        return torch.full((1, *shape), 0.5)


class _UsedNets(dict[str, nn.Module]):
    """Networks by name; `names` are those that were looked up."""

    def __init__(self, nets: dict[str, nn.Module]):
        super().__init__(nets)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> nn.Module:
        self.names.add(name)
        return super().__getitem__(name)
