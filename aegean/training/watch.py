"""Watching for collapse and saturation: warnings while it happens, naming cures that exist."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.surface import option

if TYPE_CHECKING:
    from torch import Tensor

    from aegean.data.batch import Batch

COVERED = 0.3  # of what real data cover
FALLEN = 0.6  # of the best coverage of the run so far
NOTHING = 0.1  # of what the two sides differ, or vary, by
EARLY = 0.25  # of a phase, in which nothing is expected yet
SILENT = 0.1  # bits of a level's rate
NO_RATE = 1.0  # bits of a latent
SATURATED = 0.05  # mean discriminator loss of an undecided one: about 0.69 relativistic, 1.39 non-saturating


def cures(recipe: str, info: DataInfo) -> str:
    """What helps against a collapse or a saturated discriminator, as far as the run does not do it already."""
    found = [f"a larger {option('gamma')}", f"a lower {option('lr')}", option("pack", 2)]
    if augmentations := kind_of(info).augmentations:
        found.insert(0, option("augment", ",".join(augmentations)))
    if recipe != "ae_to_gan":
        found.insert(0, "start from an autoencoder (recipe ae_to_gan)")
    return f"cures: {', '.join(found)}"


def louder() -> str:
    """What helps against silent levels."""
    free, warmup, beta, levels = map(option, ("free", "warmup", "beta", "levels"))
    return f"cures: a larger {free}, a larger {warmup}, a smaller {beta}, fewer {levels}"


def heard() -> str:
    """What helps against a latent that says nothing."""
    return f"cures: a smaller {option('beta')}, recipe denoising_ae with a prior fitted to it, longer training"


def weaker() -> str:
    """What helps against translations that are copies or blank."""
    within, cycle, pull, lr = map(option, ("within", "cycle", "pull", "lr"))
    return (
        f"cures: of unit a smaller {within} and {cycle}, of translate a smaller {pull}; a lower {lr}; longer training"
    )


def translation_warning(shown: Batch, made: Tensor) -> str | None:
    """From samples of both sides, and what was made of those of the first: a copy, or nothing."""
    if shown.target is None:
        return None
    given, wanted, found = (x.float().mean(1) for x in (shown.x, shown.target, made))  # without colours
    apart, usual = (float((x - given).abs().mean()) for x in (found, wanted))
    flat, lively = (float(x.flatten(1).std(1).mean()) for x in (found, wanted))
    if flat < NOTHING * lively:
        return "the translations are blank"
    if apart < NOTHING * usual:
        return "the translations equal their originals"
    return None


def collapse_warning(coverage: float, floor: float | None, best: float, progress: float) -> str | None:
    """From the coverage of held-out data: now, of real data, the best so far, and the phase's progress in [0, 1]."""
    if coverage < FALLEN * best:
        return f"coverage fell from {best:.2f} to {coverage:.2f}: the generator forgets modes"
    if floor is not None and progress > EARLY and coverage < COVERED * floor:
        return f"coverage {coverage:.2f}, where real data reach {floor:.2f}: the generator has collapsed"
    return None


def saturation_warning(losses: Mapping[str, float]) -> str | None:
    """From the mean losses of the turns since the last line."""
    values = [v for name, v in losses.items() if name.startswith("D/DiscriminatorLoss")]
    if values and 0 <= min(values) < SATURATED:
        return f"the discriminator is saturated (loss {min(values):.3f}): the generator learns little from it"
    return None


def silence_warning(values: Mapping[str, float], progress: float) -> str | None:
    """From the mean losses since the last line, and the phase's progress in [0, 1]: levels that say nothing."""
    found = [(re.search(r"LevelRate\(level (\d+)\)", name), value) for name, value in values.items()]
    silent = [f"level {match[1]} ({value:.2g} bits)" for match, value in found if match and value < SILENT]
    if progress <= EARLY or not silent:
        return None
    return f"{' and '.join(silent)} {'is' if len(silent) == 1 else 'are'} silent: the latents there say nothing of data"


def rate_warning(values: Mapping[str, float], progress: float) -> str | None:
    """From the same: a whole latent that says nothing, which is posterior collapse (Bowman et al. 2016, section 3)."""
    rate = next((value for name, value in values.items() if name.split("/")[-1] == "Rate"), None)
    if rate is None or rate >= NO_RATE or progress <= EARLY:
        return None
    return f"the rate is {rate:.2g} bits: the latent says nothing of the data (posterior collapse)"
