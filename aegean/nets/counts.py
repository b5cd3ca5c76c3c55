"""Tables that need no network: one for each channel of a grid of symbols."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from aegean.codec.channels import ChannelTables
from aegean.config import network
from aegean.nets.integer import MEMORY, SMOOTHING, Coding
from aegean.nets.rounding import tally


@network
class CountModel(nn.Module):
    """How often each symbol of each channel occurs: for symbols that are names rather than amounts, as a codebook's.

    `counts` (channels, levels) learns from what is seen: `observe`, once a step.
    """

    counts: Tensor

    def __init__(self, channels: int, levels: int):
        super().__init__()
        assert 0 < channels <= 4096 and 1 < levels <= 1 << 16
        self.levels = levels
        self.register_buffer("counts", torch.ones(channels, levels, dtype=torch.int32))

    @property
    def takes(self) -> tuple[int, int]:
        """Channels and levels of the grids."""
        return len(self.counts), self.levels

    def forward(self, symbols: Tensor) -> Coding:
        """Symbols (B, channels, H, W), rounded to whole numbers."""
        symbol = (symbols + 0.5).floor().long()
        table = torch.arange(symbol.shape[1], device=symbol.device)[:, None, None].expand_as(symbol)
        share = self.counts / self.counts.sum(1, keepdim=True)
        return Coding(-share.log2()[table, symbol].flatten(1).sum(1), table, symbol)

    @property
    def observed_size(self) -> int:
        return self.counts.numel()

    def observed(self, coded: Coding) -> Tensor:
        """How often each symbol of each channel occurred: (channels * levels,) float32, whole."""
        return tally(coded.table * self.levels + coded.symbol, self.counts.numel())

    @torch.no_grad()
    def observe(self, sums: Tensor) -> None:
        """Add what was `observed` of a whole batch; where that is a lot, forget half of what there is."""
        counts = self.counts + sums.view_as(self.counts).to(self.counts.dtype)
        full = counts.sum(1, keepdim=True) > MEMORY
        self.counts.copy_(torch.where(full, (counts + 1) >> 1, counts))

    @torch.no_grad()
    def frozen(self) -> ChannelTables:
        """The tables as whole numbers, for coding."""
        return ChannelTables(self.counts.cpu().numpy().astype(np.int64) * SMOOTHING)
