"""The network of `codec.predictor` while it learns: float weights, rounded on every pass to the whole numbers that will
code, so that what is trained is what is used; rounding passes gradients straight through (Bengio et al. 2013)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aegean.codec import predictor
from aegean.codec import shape as plan
from aegean.config import network
from aegean.nets.blocks import he_
from aegean.nets.logistic import at_worst, first_counts, log_scale, logistic_bits
from aegean.nets.rounding import Activation, floor, nearest, tally

COARSE = 0.25  # a logistic's scale, in levels, below which its table stands for one whole number
MEMORY = 1 << 16  # counts of a table, above which all of them are halved: what was seen long ago is forgotten
SMOOTHING = 64  # a symbol that was never seen counts as this part of one that was seen once


class Coding(NamedTuple):
    """What a predictor says of a batch of grids (B, C, H, W): `bits` (B,) that each costs under the logistics that the
    tables begin as; which `table` codes each number, and as what `symbol` (B, C, H, W)."""

    bits: Tensor
    table: Tensor
    symbol: Tensor


@network
class IntegerPredictor(nn.Module):
    """Chooses tables for the whole numbers of grids (B, channels, H, W), from the neighbours of each.

    channels: of a grid, 1 to 256
    levels: a number is 0 to levels - 1; 2 to 256
    reach: rows above and columns to the left that are seen, 1 to 4
    hidden: units of each hidden layer
    offset, scale: values come in units in which value * scale + offset is such a number, or is rounded to one
    means: so many channels are expected to be as their neighbours, the others in the middle; None: all
    pace: parameters are stored divided by it, so the network learns so many times faster than an optimizer's rate says
        (Karras et al. 2019, section C)

    What is not rounded yet learns from the gradient of its own bits, not of the rounded number's, which for a
    coefficient near the middle would be none (Minnen and Singh 2020, section 3.3, with noise). Below COARSE a logistic
    is moved to its whole number for that: its place then says nothing, and would drift.

    `counts` (tables, levels) learns from what is seen: `observe`, once a step.
    """

    counts: Tensor
    groups: Tensor
    sizes: Tensor

    def __init__(
        self,
        channels: int,
        levels: int,
        reach: int = 2,
        hidden: Sequence[int] = (32, 32),
        offset: float = 0.0,
        scale: float = 1.0,
        means: int | None = None,
        pace: float = 1.0,
    ):
        super().__init__()
        assert 0 < channels <= 256 and 1 < levels <= 256 and 0 < reach <= 4 and len(hidden) <= 8 and pace > 0
        assert means is None or (isinstance(means, int) and 0 <= means <= channels)
        self.shape = plan.Shape(channels, levels, reach, tuple(hidden), means)
        self.offset, self.scale, self.pace = offset, scale, pace
        self.nets = nn.ModuleList(
            nn.ModuleList(he_(nn.Linear(layer.inputs, layer.outputs)) for layer in self.shape.layers(channel))
            for channel in range(channels)
        )
        with torch.no_grad():
            for net in self.nets:
                net[-1].weight.mul_(0.1)  # type: ignore[index, operator]
                for layer in net:  # type: ignore[attr-defined]
                    layer.weight.div_(pace)
        self.register_buffer("groups", torch.from_numpy(plan.groups(self.shape)), persistent=False)
        self.register_buffer("sizes", layer_sizes(self.shape), persistent=False)
        self.register_buffer("counts", first_counts(self.shape))

    @property
    def takes(self) -> tuple[int, int]:
        """Channels and levels of the grids."""
        return self.shape.channels, self.shape.levels

    def numbers(self, values: Tensor) -> Tensor:
        """Values (B, channels, H, W) -> whole numbers from 0 to levels - 1, with the gradient of the values."""
        return nearest(values.float() * self.scale + self.offset).clamp(0, self.shape.levels - 1)

    def forward(self, values: Tensor) -> Coding:
        shape = self.shape
        with torch.autocast(values.device.type, enabled=False):
            x = self.numbers(values)
            inputs, expected = self._inputs(x)
            h = inputs.permute(0, 2, 3, 1)
            for number in range(len(shape.hidden) + 1):
                weight, bias = self._layer(number)
                if number == 0:
                    h = F.linear(h, weight.flatten(0, 1), bias.flatten()).unflatten(3, bias.shape)
                else:
                    h = torch.einsum("byxci,coi->byxco", Activation.apply(h), weight) + bias
            place, width = h.permute(4, 0, 3, 1, 2).unbind()
            place = place * 2.0 ** plan.place_unit(shape) + expected * (1 << shape.place_bits)
            width = width * (1 << plan.WIDTH_BITS)
            mean, spread = place / (1 << shape.place_bits), log_scale(shape, width)
            bits = at_worst(logistic_bits(x.detach(), mean, spread, shape.levels), shape.levels)
            if values.requires_grad:
                y = values.float() * self.scale + self.offset
                middle = nearest(mean) + (mean - nearest(mean)) * (spread.exp() / COARSE).clamp(max=1)
                slope = logistic_bits(y, middle.detach(), spread.detach(), shape.levels)
                bits = bits + (slope - slope.detach())
        return Coding(bits.flatten(1).sum(1), *self._table(x, place, width))

    def _layer(self, number: int) -> tuple[Tensor, Tensor]:
        """One layer of all channels' networks at once: weights (C, outputs, inputs) and biases (C, outputs), rounded.
        Of the last inputs of the first layer a channel has only those of channels before it; the others weigh 0."""
        layers = [net[number] for net in self.nets]  # type: ignore[index]
        most = max(layer.in_features for layer in layers)
        weight = torch.stack([F.pad(layer.weight, (0, most - layer.in_features)) for layer in layers]) * self.pace
        bias = torch.stack([layer.bias for layer in layers]) * self.pace
        scale, largest, one, unit = self.sizes[number, :, :, None, None].unbind(1)
        weight = torch.minimum(torch.maximum(nearest(weight * scale), -largest), largest) * unit
        return weight, nearest(bias * one[..., 0]).clamp(-plan.BIAS_MOST, plan.BIAS_MOST) * unit[..., 0]

    def _inputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers (B, C, H, W) -> what the channels' networks see (B, shared + C - 1, H, W): what they all do, then
        what each channel but the last turned out to be; and what is expected of each number (B, C, H, W). As
        `codec.plane.Plane` has it."""
        shape = self.shape
        there = F.pad(torch.ones_like(x[:1, :1]), (m := max(shape.reach, 2), m, m, 0))
        x = F.pad(x, (m, m, m, 0))

        def at(values: Tensor, y: int, x_: int) -> Tensor:
            return values[:, :, m + y : values.shape[2] + y, m + x_ : values.shape[3] - m + x_]

        left, up, corner = at(x, 0, -1), at(x, -1, 0), at(x, -1, -1)
        has_left, has_up = at(there, 0, -1) > 0, at(there, -1, 0) > 0
        both = torch.maximum(torch.minimum(left + up - corner, torch.maximum(left, up)), torch.minimum(left, up))
        one = torch.where(has_left, left, torch.where(has_up, up, float(shape.levels // 2)))
        expected = torch.where(has_left & has_up, both, one)
        if shape.means is not None:
            middle = torch.full_like(expected[:, shape.means :], shape.levels // 2)
            expected = torch.cat((expected[:, : shape.means], middle), 1)
        gain = float(1 << shape.gain_bits)
        seen = [(at(x, *place) - expected) * (gain * at(there, *place)) for place in shape.neighbours]
        flags = [at(there, *place).expand(len(x), -1, -1, -1) * (1 << plan.INPUT_BITS) for place in plan.FLAGS]
        level = floor((expected - shape.levels // 2) * (gain / 2))
        before = (at(x, 0, 0) - expected)[:, :-1] * gain
        inputs = torch.cat((*seen, *flags, level, before), 1)
        return inputs.clamp(-plan.INPUT_MOST, plan.INPUT_MOST), expected

    @torch.no_grad()
    def _table(self, x: Tensor, place: Tensor, width: Tensor) -> tuple[Tensor, Tensor]:
        shape = self.shape
        parts, half = 1 << shape.place_bits, plan.WIDTHS // 2
        first, last = -plan.BEYOND * parts, (shape.levels + plan.BEYOND) * parts - 1
        place, width = place.floor().clamp(first, last).long(), width.floor().clamp(-half, half - 1).long()
        level = place >> shape.place_bits
        table = (self.groups[level + plan.BEYOND] * parts + (place & (parts - 1))) * plan.WIDTHS + width + half
        return table, (x.long() - level) % shape.levels

    @property
    def observed_size(self) -> int:
        return self.counts.numel()

    def observed(self, coded: Coding) -> Tensor:
        """How often each symbol was coded by each table: (tables * levels,) float32, whole."""
        return tally(coded.table * self.shape.levels + coded.symbol, self.counts.numel())

    @torch.no_grad()
    def observe(self, sums: Tensor) -> None:
        """Add what was `observed` of a whole batch; where a table has seen a lot, forget half of it."""
        counts = self.counts + sums.view_as(self.counts).to(self.counts.dtype)
        self.counts.copy_(torch.where(counts.sum(1, keepdim=True) > MEMORY, counts >> 1, counts))

    @torch.no_grad()
    def frozen(self) -> predictor.Predictor:
        """The network and tables as whole numbers, for coding."""

        layers: list[list[predictor.Layer]] = [[] for _ in self.nets]
        for number in range(len(self.shape.hidden) + 1):
            for channel, (weight, bias) in enumerate(zip(*self._layer(number))):
                inputs, unit = self.shape.layers(channel)[number].inputs, self.sizes[number, channel, 3]
                whole = predictor.Layer((weight[:, :inputs] / unit).cpu().numpy(), (bias[:, None] / unit).cpu().numpy())
                layers[channel].append(whole)
        return predictor.Predictor(self.shape, layers, self.counts.cpu().numpy().astype(np.int64) * SMOOTHING + 1)


def layer_sizes(shape: plan.Shape) -> Tensor:
    """Of each layer and channel (layers, C, 4): what a weight of 1 and the largest weight are in whole numbers, what a
    bias of 1 is, and what such a number stands for: a hidden sum of 1 is 2^HIDDEN_BITS, one of the last layer 1."""
    rows = []
    for number in range(len(shape.hidden) + 1):
        bits = 0 if number == len(shape.hidden) else plan.HIDDEN_BITS
        plans = [shape.layers(channel)[number] for channel in range(shape.channels)]
        rows.append([[2.0**p.weight_bits, float(p.most), 2.0**p.sum_bits, 2.0 ** (bits - p.sum_bits)] for p in plans])
    return torch.tensor(rows)
