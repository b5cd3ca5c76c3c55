import re

import pytest

from aegean.training.watch import collapse_warning, cures, saturation_warning


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
    from aegean.recipes import RECIPES, options

    assert "ae_to_gan" in cures("gan", True) and "ae_to_gan" in RECIPES
    assert "ae_to_gan" not in cures("ae_to_gan", True)
    assert "augment" not in cures("gan", False)  # refused for rows
    named = set(re.findall(r"--set (\w+)", cures("gan", True)))
    assert named == {"pack", "augment", "gamma", "lr"} <= set(options("gan"))
