"""A feature network as a part of a model that tells what is odd."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from aegean.config import Net, net, network
from aegean.data.info import DataInfo
from aegean.metrics import networks
from aegean.metrics.features import FeatureNetwork
from aegean.metrics.kinds import kind_of

__all__ = ["Trunk"]


@network
class Trunk(nn.Module):
    """Samples (B, *shape) -> features (B, WIDTH) of length 1, which alter little where a sample is moved, scaled,
    lighter, or has a hole (metrics.kinds.Kind.view). of: the kind of samples; rate: of sounds."""

    def __init__(self, shape: Sequence[int], of: str, rate: int = 0):
        super().__init__()
        info = DataInfo("", tuple(shape), (0.0,), (1.0,), kind=of, rate=rate)
        self.body = kind_of(info).trunk(info)

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(self.body(x), dim=1)


def trained(x: Tensor, info: DataInfo, images: int, what: str = "") -> tuple[Net, Trunk] | None:
    """A trunk for samples x (n, *shape), trained by SimCLR on about so many of them, and its description; None where
    their kind has no random views. what: the words of a bar."""
    if (view := kind_of(info).view) is None:
        return None
    spec = described(info)
    trunk: Trunk = spec.build()
    steps = max(1, images // networks.BATCH)
    trunk.body = networks.train_contrastive(lambda: trunk.body, lambda i: x[i], len(x), view, steps, what)
    return spec, trunk.eval()


def described(info: DataInfo) -> Net:
    return net(Trunk, shape=info.shape, of=info.kind, rate=info.rate)


def known(network: FeatureNetwork, info: DataInfo) -> tuple[Net, Trunk] | None:
    """The trunk of a data set's feature network; None where that has none."""
    if network.trunk is None:
        return None
    spec = described(info)
    trunk: Trunk = spec.build()
    trunk.body = network.trunk
    return spec, trunk.eval()
