"""Networks: pure functions of their inputs that know no losses. Importing this registers them all."""

from aegean.nets.conv import ConvDecoder, ConvEncoder
from aegean.nets.corruption import GaussianCorruption
from aegean.nets.counts import CountModel
from aegean.nets.diffusers import DiffusersDecoder, DiffusersEncoder
from aegean.nets.discriminator import Discriminator, DiscriminatorOutput
from aegean.nets.integer import IntegerPredictor
from aegean.nets.ladder import ConvLadder, DenseLadder
from aegean.nets.mlp import MLPDecoder, MLPEncoder
from aegean.nets.scales import ScaleDiscriminator
from aegean.nets.shared import SharedDiscriminator
from aegean.nets.tower import NoiseReaders, Several, Stack, Tower
from aegean.nets.transform import Analysis, Synthesis

__all__ = [
    "Analysis",
    "ConvDecoder",
    "ConvEncoder",
    "ConvLadder",
    "CountModel",
    "DenseLadder",
    "DiffusersDecoder",
    "DiffusersEncoder",
    "Discriminator",
    "DiscriminatorOutput",
    "GaussianCorruption",
    "IntegerPredictor",
    "MLPDecoder",
    "MLPEncoder",
    "NoiseReaders",
    "ScaleDiscriminator",
    "Several",
    "SharedDiscriminator",
    "Stack",
    "Synthesis",
    "Tower",
]
