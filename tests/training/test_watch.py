import pytest

from aegean.training.watch import collapse_warning, saturation_warning


def test_collapse_is_seen_and_cures_are_named():
    assert collapse_warning(coverage=0.7, floor=0.97, best=0.75, progress=0.9) is None
    assert collapse_warning(coverage=0.1, floor=0.97, best=0.1, progress=0.1) is None  # too early to tell
    for text in (collapse_warning(0.3, 0.97, 0.7, 0.5), collapse_warning(0.1, 0.97, 0.12, 0.9)):
        assert "ae_to_gan" in text and "pack" in text and "augment" in text


@pytest.mark.parametrize("loss,warned", [(0.69, False), (0.3, False), (0.01, True), (-3.0, False)])
def test_saturation(loss, warned):
    text = saturation_warning({"D/DiscriminatorLoss(fake)": loss, "G/GeneratorLoss(fake)": 5.0})
    assert (text is not None) == warned


def test_the_named_cures_exist():
    from aegean.recipes import RECIPES, options

    assert "ae_to_gan" in RECIPES
    assert {"pack", "augment", "gamma", "lr"} <= set(options("gan"))
