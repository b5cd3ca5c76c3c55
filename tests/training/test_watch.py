import re

import pytest

from aegean.data.info import DataInfo
from aegean.recipes import options
from aegean.surface import Surface, using
from aegean.training.watch import collapse_warning, cures, louder, saturation_warning, silence_warning

PICTURES = DataInfo("p", (1, 8, 8), (0.0,), (1.0,))
ROWS = DataInfo("r", (3,), (0.0,), (1.0,))


def named(text):
    """The options that a text names."""
    return set(re.findall(r"<(\w+)", text))


@pytest.fixture(autouse=True)
def marked():
    """Options stand in brackets."""
    with using(Surface(option=lambda name, value: f"<{name} {value}>")):
        yield


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

    assert "ae_to_gan" in cures("gan", PICTURES) and "ae_to_gan" in RECIPES
    assert "ae_to_gan" not in cures("ae_to_gan", PICTURES)
    assert "augment" not in cures("gan", ROWS)  # refused for rows
    assert named(cures("gan", PICTURES)) == {"pack", "augment", "gamma", "lr"} <= set(options("gan"))


def test_a_silent_level_is_named_once_it_had_time_to_speak():
    values = {"AE/LevelRate(level 0)": 0.03, "AE/LevelRate(level 1)": 12.0, "AE/SpareRate(level 0)": 0.9}
    assert silence_warning(values, progress=0.1) is None
    assert "level 0 (0.03 bits) is silent" in silence_warning(values, progress=0.5)
    assert silence_warning({"AE/LevelRate(level 0)": 0.5}, progress=0.5) is None
    assert named(louder()) <= set(options("hierarchical_vae"))
