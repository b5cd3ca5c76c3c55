"""Pieces shared by encoders and decoders: activation, initialisation, resampling, residual blocks. Those that convolve
do so along two axes, of maps, or along one, of sequences."""

from __future__ import annotations

from collections.abc import Sequence
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


class Down(nn.Module):
    """Half the size (rounded up), blurred by [1, 3, 3, 1] so that edges do not alias (Zhang 2019).

    size: places along each axis
    """

    def __init__(self, size: Sequence[int]):
        super().__init__()
        for axis, places in enumerate(size):
            self.register_buffer(f"along{axis}", halving(places), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        h = x.movedim(1, -1)
        for axis, matrix in enumerate(self.buffers(), 2):
            h = (matrix.to(h.dtype) @ h.flatten(axis)).unflatten(axis, h.shape[axis:])
        return h.movedim(-1, 1)


def halving(places: int) -> Tensor:
    """The matrix (places / 2, places) of that blur along one axis."""
    taps = torch.tensor([[[1 / 8, 3 / 8, 3 / 8, 1 / 8]]])
    return F.conv1d(F.pad(torch.eye(places)[:, None], (0, places % 2)), taps, stride=2, padding=1)[:, 0].T.contiguous()


def upsample(x: Tensor, size: Sequence[int]) -> Tensor:
    """Up to `size` (about twice), linear along each axis: for an exact doubling the transpose of `Down`'s blur."""
    mode = "bilinear" if len(size) == 2 else "linear"
    return F.interpolate(x, size=tuple(size), mode=mode, align_corners=False)


def unshuffle(x: Tensor, patch: int) -> Tensor:
    """Places, `patch` along each axis, laid on top of each other as channels: (B, C, ...) -> (B, C * patch^axes, ...);
    the inverse of `shuffle`."""
    if patch == 1:
        return x
    return F.pixel_unshuffle(x, patch) if x.dim() == 4 else x.unflatten(2, (-1, patch)).mT.flatten(1, 2)


def shuffle(x: Tensor, patch: int) -> Tensor:
    if patch == 1:
        return x
    return F.pixel_shuffle(x, patch) if x.dim() == 4 else x.unflatten(1, (-1, patch)).mT.flatten(2)


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
        ctx.save_for_backward(x)
        return x.clamp(-1, 1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        return grad.masked_fill((x.abs() > 1) & (x * grad < 0), 0)


def in_range(raw: Tensor, output: str) -> Tensor:
    """A decoder's raw output as values of its data: "logits" through a hyperbolic tangent; "linear" maps (B, C, H, W)
    and sequences (B, C, L) are clipped to [-1, 1], so that black and white are reached for good and not only on average
    (docs/log.md); rows (B, columns) have no range."""
    if output == "logits":
        return torch.tanh(raw / 2)
    return Clip.apply(raw) if raw.dim() > 2 else raw  # type: ignore[no-any-return]
