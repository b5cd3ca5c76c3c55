"""Pieces shared by encoders and decoders: activation, initialisation, resampling, residual blocks. Those that convolve
do so along two axes, of maps, or along one, of sequences."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
DEEPEST = 1000  # blocks or layers: a description from a stranger must not ask for millions of them


def act(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)


LINEAR: tuple[Any, ...] = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
)  # layers and functions by the number of axes beside the channels
CONVOLVE: tuple[Any, ...] = (F.linear, F.conv1d, F.conv2d)
TRANSPOSED: tuple[Any, ...] = (None, F.conv_transpose1d, F.conv_transpose2d)


def linear(axes: int, inputs: int, outputs: int, size: int = 1, **more: Any) -> Any:
    """A layer from channels to channels: a convolution of `size` places each way along so many axes, a dense layer
    along none."""
    kernel = {"kernel_size": size, "padding": size // 2} if axes else {}
    return LINEAR[axes](inputs, outputs, **kernel, **more)


def channels_last(x: Tensor) -> Tensor:
    """Maps (B, C, H, W) laid out with channels last, the faster layout of convolutions, and so their gradient: an
    operation on two maps of different layouts takes 40 times as long. Others as they are."""
    if x.dim() != 4:
        return x
    x = x.contiguous(memory_format=torch.channels_last)
    if x.requires_grad and not x.is_leaf:
        x.register_hook(channels_last)
    return x


def flat(h: Tensor) -> Tensor:
    """The last level of an encoder (B, *level) as the vectors (B, numbers) that a dense layer takes."""
    return channels_last(act(h)).flatten(1)


def he_(layer: Any, gain: float = 1.0) -> Any:
    """Initialise for a leaky ReLU before or after it (He et al. 2015, eq. 15); zero bias."""
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    with torch.no_grad():
        layer.weight.mul_(gain)
        if layer.bias is not None:
            layer.bias.zero_()
    return layer


class Residual(nn.Module):
    """x + conv(act(conv(act(x)))) without normalisation.

    Fixup initialisation (Zhang et al. 2019, section 3): the last layer of the branch is zero, the other is
    scaled by depth^(-1/2).

    width: channels
    depth: residual blocks of the whole network
    axes: 2 of maps (B, width, H, W), 1 of sequences (B, width, L)
    """

    def __init__(self, width: int, depth: int, axes: int = 2):
        super().__init__()
        self.first = he_(linear(axes, width, width, 3), depth**-0.5)
        self.last = he_(linear(axes, width, width, 3), 0.0)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.last(act(self.first(act(x))))


class Blur(torch.autograd.Function):
    """Half the places of each axis, blurred by a kernel channel by channel. It is linear: derivatives of every order
    are it and its transpose, where torch's own second derivative goes through the channels one by one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor) -> Tensor:  # type: ignore[override]
        ctx.kernel = kernel
        return _by_channel(CONVOLVE, x, kernel)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return Spread.apply(grad, ctx.kernel), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Tensor:  # type: ignore[override]
        return Blur.apply(tangent, ctx.kernel)  # type: ignore[no-any-return]


class Spread(torch.autograd.Function):
    """The transpose of `Blur`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor) -> Tensor:  # type: ignore[override]
        ctx.kernel = kernel
        return _by_channel(TRANSPOSED, x, kernel)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return Blur.apply(grad, ctx.kernel), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Tensor:  # type: ignore[override]
        return Spread.apply(tangent, ctx.kernel)  # type: ignore[no-any-return]


def _by_channel(functions: Sequence[Any], x: Tensor, kernel: Tensor) -> Tensor:
    """On a processor in float32: in bfloat16 oneDNN takes 30 times as long for it."""
    convolve, on_cpu = functions[x.dim() - 2], x.device.type == "cpu"
    wide = torch.promote_types(x.dtype, torch.float32) if on_cpu else x.dtype
    with torch.autocast("cpu", enabled=False) if on_cpu else nullcontext():
        return convolve(x.to(wide), kernel.to(wide), stride=2, padding=1, groups=x.shape[1]).to(x.dtype)  # type: ignore[no-any-return]


class Down(nn.Module):
    """Half the size (rounded up), blurred by [1, 3, 3, 1] so that edges do not alias (Zhang 2019)."""

    kernel: Tensor

    def __init__(self, width: int, axes: int = 2):
        super().__init__()
        taps = [1 / 8, 3 / 8, 3 / 8, 1 / 8]
        kernel = torch.tensor([[a * b for b in taps] for a in taps] if axes == 2 else taps)
        self.register_buffer("kernel", torch.empty(width, 1, *kernel.shape).copy_(kernel), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        odd = [size % 2 for size in x.shape[2:]]
        if any(odd):
            x = F.pad(x, [pad for size in reversed(odd) for pad in (0, size)])
        return Blur.apply(x, self.kernel)  # type: ignore[no-any-return]


def upsample(x: Tensor, size: Sequence[int]) -> Tensor:
    """Up to `size` (about twice), linear along each axis: for an exact doubling the transpose of `Down`'s blur."""
    mode = "bilinear" if len(size) == 2 else "linear"
    return F.interpolate(x, size=tuple(size), mode=mode, align_corners=False)


def unshuffle(x: Tensor, patch: int) -> Tensor:
    """Places, `patch` along each axis, laid on top of each other as channels: (B, C, ...) -> (B, C * patch^axes, ...);
    the inverse of `shuffle`. One copy, with channels last."""
    if patch == 1:
        return x
    for axis in reversed(range(2, x.dim())):
        x = x.unflatten(axis, (-1, patch))
    places, within = range(2, x.dim(), 2), range(3, x.dim(), 2)
    return x.permute(0, *places, 1, *within).flatten(1 + len(places)).movedim(-1, 1)


def shuffle(x: Tensor, patch: int) -> Tensor:
    if patch == 1:
        return x
    axes = x.dim() - 2
    x = x.movedim(1, -1).unflatten(-1, (-1, *(patch,) * axes))
    x = x.permute(0, 1 + axes, *(place for axis in range(1, 1 + axes) for place in (axis, 1 + axes + axis)))
    for axis in range(2, 2 + axes):
        x = x.flatten(axis, axis + 1)
    return x


class Rising(nn.Module):
    """Data (B, *shape) -> a tuple of `levels`, nearest the data first."""

    levels: list[Any]

    def rise(self, level: int, below: Tensor) -> Tensor:
        """One level: its features from those of the level below, or from the data."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        found: list[Tensor] = []
        for level in range(len(self.levels)):
            found.append(self.rise(level, found[-1] if found else x))
        return tuple(found)


class LogVariance(nn.Module):
    """The learned log variance of a Gaussian likelihood, one number for all dimensions (Rybkin et al.
    2021). Adam moves a lone number by at most its rate a step, whatever the gradient, so the parameter
    counts in tens; it starts at a standard deviation of e^-1 in the model's range.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tens = nn.Parameter(torch.tensor(-0.2))

    def forward(self) -> Tensor:
        return 10 * self.tens


def place(net: nn.Module, device: str | torch.device) -> nn.Module:
    """The network on a device, weights of convolutions laid out for pictures with channels last: the faster layout
    (torch on MPS does not know it for all), and one for trained and for loaded networks, whose rounding then agrees."""
    if torch.device(device).type == "mps":
        return net.to(device)
    return net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def one_hot(labels: Tensor | None, classes: int, like: Tensor) -> Tensor:
    """labels (B,) int64 -> (B, classes): sqrt(classes) in the label's place, else 0, so a mean square of 1 like the
    latents and features beside it. A plain one-hot vector is so small that its weights learn too late."""
    assert labels is not None, "a conditional network was called without labels"
    return (labels[:, None] == torch.arange(classes, device=labels.device)).to(like.dtype) * classes**0.5


class Clip(torch.autograd.Function):
    """x within [-1, 1], with the gradient of x except where it would lead further out."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # type: ignore[override]
        clipped = x.clamp(-1, 1)
        ctx.save_for_backward(x - clipped)
        return clipped

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        (beyond,) = ctx.saved_tensors
        return grad.masked_fill(beyond * grad < 0, 0)


def in_range(raw: Tensor, output: str) -> Tensor:
    """A decoder's raw output as values of its data: "logits" through a hyperbolic tangent; "linear" maps (B, C, H, W)
    and sequences (B, C, L) are clipped to [-1, 1], so that black and white are reached for good and not only on average
    (docs/log.md); rows (B, columns) have no range."""
    if output == "logits":
        return torch.tanh(raw / 2)
    return Clip.apply(raw) if raw.dim() > 2 else raw  # type: ignore[no-any-return]
