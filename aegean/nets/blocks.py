"""Pieces shared by encoders and decoders: activation, initialisation, resampling, residual blocks."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
DEEPEST = 1000  # blocks or layers: a description from a stranger must not ask for millions of them


def act(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)


def he_(layer: nn.Conv2d | nn.Linear, gain: float = 1.0) -> nn.Conv2d | nn.Linear:
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
    scaled by depth^(-1/2), where `depth` is the number of residual blocks of the network.
    """

    def __init__(self, width: int, depth: int):
        super().__init__()
        self.first = he_(nn.Conv2d(width, width, 3, padding=1), depth**-0.5)
        self.last = he_(nn.Conv2d(width, width, 3, padding=1), 0.0)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.last(act(self.first(act(x))))


class Down(nn.Module):
    """Half the size (rounded up), blurred by [1, 3, 3, 1] so that edges do not alias (Zhang 2019)."""

    kernel: Tensor

    def __init__(self, width: int):
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("kernel", (taps[:, None] * taps).expand(width, 1, 4, 4).clone(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        odd_h, odd_w = x.shape[-2] % 2, x.shape[-1] % 2
        if odd_h or odd_w:
            x = F.pad(x, (0, odd_w, 0, odd_h))
        return F.conv2d(x, self.kernel.to(x.dtype), stride=2, padding=1, groups=x.shape[1])


def upsample(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Up to `size` (about twice), bilinear: for an exact doubling the transpose of `Down`'s blur."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


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


class Clipped(torch.autograd.Function):
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
    """A decoder's raw output as values of its data: "logits" through a hyperbolic tangent; "linear" pictures (B, C, H,
    W) are clipped to [-1, 1], so that black and white are reached for good and not only on average (docs/log.md); rows
    (B, columns) have no range."""
    if output == "logits":
        return torch.tanh(raw / 2)
    return Clipped.apply(raw) if raw.dim() == 4 else raw  # type: ignore[no-any-return]
