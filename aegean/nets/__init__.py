"""Networks: pure functions of their inputs that know no losses. Importing this registers them all."""

from aegean.nets.conv import ConvDecoder, ConvEncoder
from aegean.nets.corruption import GaussianCorruption
from aegean.nets.discriminator import Discriminator, Judgement
from aegean.nets.ladder import ConvLadder, DenseLadder
from aegean.nets.mlp import MLPDecoder, MLPEncoder
from aegean.nets.projected import ProjectedDiscriminator
from aegean.nets.scales import ScaleDiscriminator
from aegean.nets.tower import NoiseReaders, Several, Stack, Tower

__all__ = [
    "ConvDecoder",
    "ConvEncoder",
    "ConvLadder",
    "DenseLadder",
    "Discriminator",
    "GaussianCorruption",
    "Judgement",
    "MLPDecoder",
    "MLPEncoder",
    "NoiseReaders",
    "ProjectedDiscriminator",
    "ScaleDiscriminator",
    "Several",
    "Stack",
    "Tower",
]
