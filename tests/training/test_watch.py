import re

import pytest

from aegean.recipes import options
from aegean.training.watch import LOUDER, collapse_warning, cures, saturation_warning, silence_warning


def test_collapse_is_seen():
    assert collapse_warning(coverage=0.7, floor=0.97, best=0.75, progress=0.9) is None
    assert collapse_warning(coverage=0.1, floor=0.97, best=0.1, progress=0.1) is None  # too early to tell
    assert "fell from 0.70 to 0.30" in collapse_warning(0.3, 0.97, 0.7, 0.5)
    assert "collapsed" in collapse_warning(0.1, 0.97, 0.12, 0.9)


@pytest.mark.parametrize("loss,warned", [(0.69, False), (0.3, False), (0.01, True), (-3.0, False)])
def test_saturation(loss, warned):
    text = saturation_warning({"D/DiscriminatorLoss(fake)": loss, "G/GeneratorLoss(fake)": 5.0})
    assert (text is not None) == warned


def test_the_named_cures_exist():
    from aegean.recipes import RECIPES

    assert "ae_to_gan" in cures("gan", True) and "ae_to_gan" in RECIPES
    assert "ae_to_gan" not in cures("ae_to_gan", True)
    assert "augment" not in cures("gan", False)  # refused for rows
    named = set(re.findall(r"--set (\w+)", cures("gan", True)))
    assert named == {"pack", "augment", "gamma", "lr"} <= set(options("gan"))


def test_a_silent_level_is_named_once_it_had_time_to_speak():
    values = {"AE/LevelRate(level 0)": 0.03, "AE/LevelRate(level 1)": 12.0, "AE/SpareRate(level 0)": 0.9}
    assert silence_warning(values, progress=0.1) is None
    assert "level 0 (0.03 bits) is silent" in silence_warning(values, progress=0.5)
    assert silence_warning({"AE/LevelRate(level 0)": 0.5}, progress=0.5) is None
    named = set(re.findall(r"--set (\w+)", LOUDER))
    assert named <= set(options("hierarchical_vae"))
