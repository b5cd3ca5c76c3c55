"""Terms: formulas on the paths of one turn. Importing this registers them all."""

from aegean.objectives.adversarial import LOSSES, DiscriminatorLoss, GeneratorLoss
from aegean.objectives.coding import Commitment, PixelBits, SymbolBits
from aegean.objectives.columns import ColumnBits
from aegean.objectives.correlation import TotalCorrelation
from aegean.objectives.divergence import Rate
from aegean.objectives.levels import ClassError, Conditional, LevelError, LevelRate, NoiseError, SpareRate
from aegean.objectives.penalties import GradientPenalty, WassersteinPenalty
from aegean.objectives.reconstruction import (
    AbsoluteError,
    BernoulliBits,
    Distil,
    FeatureError,
    FeatureMatching,
    GaussianBits,
    LatentError,
    ReadError,
    SquaredError,
)
from aegean.objectives.sound import MelError
from aegean.objectives.term import Ramp, Term
from aegean.objectives.text import TokenBits

__all__ = [
    "LOSSES",
    "AbsoluteError",
    "BernoulliBits",
    "ClassError",
    "ColumnBits",
    "Commitment",
    "Conditional",
    "DiscriminatorLoss",
    "Distil",
    "FeatureError",
    "FeatureMatching",
    "GaussianBits",
    "GeneratorLoss",
    "GradientPenalty",
    "LatentError",
    "LevelError",
    "LevelRate",
    "MelError",
    "NoiseError",
    "PixelBits",
    "Ramp",
    "Rate",
    "ReadError",
    "SpareRate",
    "SquaredError",
    "SymbolBits",
    "Term",
    "TokenBits",
    "TotalCorrelation",
    "WassersteinPenalty",
]
