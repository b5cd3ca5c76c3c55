"""What recipes refuse before any training, and what they take."""

import re

import pytest

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.recipes import RECIPES, configure, describe, options

DIGITS = DataInfo("digits", (1, 8, 8), (127.5,), (127.5,))
TABLE = DataInfo("table", (2,), (0.3, 5.0), (1.0, 2.0), dtype="float32", columns=("a", "b"))


@pytest.mark.parametrize("recipe,option", [("ae", "error"), ("denoising_ae", "error"), ("vae", "likelihood")])
def test_probabilities_are_refused_where_values_have_no_range(recipe, option):
    """A cross-entropy of targets outside [0, 1] has no lower bound: it would fall for ever."""
    with pytest.raises(UserError, match="standardised"):
        configure(recipe, TABLE, {option: "bernoulli"})
    configure(recipe, TABLE)
    configure(recipe, DIGITS, {option: "bernoulli"})


@pytest.mark.parametrize(
    "recipe,settings,message",
    [
        ("gan", {"batch": -1}, "batch=-1: expected a finite number"),
        ("gan", {"images": -1}, "images=-1: expected"),
        ("gan", {"batch": 3, "pack": 2}, "not a multiple"),
        ("gan", {"augment": 3}, "augment=3: expected"),
        ("ae_to_gan", {"teacher": 1.0}, "teacher=1.0 leaves no images"),
        ("ae_to_gan", {"warmup": 1.0}, "warmup=1.0 leaves no images"),
        ("ae_to_gan", {"discriminator": "new", "freeze": 1}, "use discriminator=initialise"),
        ("ae_to_gan", {"discriminator": "share", "pack": 2}, "no classes, packs or freeze"),
        ("tc_vae", {"beta": 0.5}, "beta=0.5 .*1 or more"),
        ("ae_to_gan", {"pixels": True}, "discriminator=share or discriminator=project"),
    ],
)
def test_settings_that_are_refused(recipe, settings, message):
    with pytest.raises(UserError, match=message):
        configure(recipe, DIGITS, settings)


def test_the_smallest_settings_that_work():
    assert configure("gan", DIGITS, {"batch": 1}).batch == 1
    run = configure("ae_to_gan", DIGITS, {"teacher": 1e-9, "warmup": 0, "batch": 64}).with_images(6400)
    assert [phase.images for phase in run.schedule] == [64, 6336]


@pytest.mark.parametrize("count,batch", [(1, 16), (270, 16), (600, 32), (1023, 32), (1024, 64), (60_000, 64)])
def test_few_pictures_get_small_batches(count, batch):
    assert configure("gan", DIGITS.replace(count=count)).batch == batch
    assert configure("gan", DIGITS.replace(count=count), {"batch": 48}).batch == 48


@pytest.mark.parametrize("count,latent", [(270, 32), (1023, 32), (1024, 64), (0, 64)])
def test_few_pictures_get_few_latent_dimensions(count, latent):
    run = configure("ae", DIGITS.replace(shape=(3, 64, 64), offset=(127.5,) * 3, scale=(127.5,) * 3, count=count))
    assert run.nets["G"].args["latent"] == latent


@pytest.mark.parametrize("count,images", [(270, 150_000), (60_000, 480_000), (1_000_000, 500_000), (0, 150_000)])
def test_a_transfer_takes_as_many_images_as_the_data_ask_for(count, images):
    assert configure("ae_to_gan", DIGITS.replace(count=count)).images == images
    assert configure("gan", DIGITS.replace(count=count), {"images": 0}).images == images


PHOTOGRAPHS = DIGITS.replace(shape=(3, 32, 32), count=50_000, flat=0.05)
DRAWINGS = DIGITS.replace(shape=(1, 28, 28), count=60_000, flat=0.8)


@pytest.mark.parametrize(
    "data, images, teacher",
    [
        (DIGITS.replace(flat=0.3), 40_000, 36_000),
        (DRAWINGS, 200_000, 198_000),  # the adversary would do harm in the time left to it
        (DRAWINGS, 400_000, 300_000),
        (DRAWINGS, 1_000_000, 700_000),
        (PHOTOGRAPHS, 30_000, 29_700),  # here, too
        (PHOTOGRAPHS, 40_000, 16_000),
        (PHOTOGRAPHS, 1_000_000, 400_000),
    ],
)
def test_a_teacher_learns_as_long_as_the_data_ask_for(data, images, teacher):
    phases = configure("ae_to_gan", data, {"images": images}).schedule
    warming = (images - teacher) // 20
    assert [phase.images for phase in phases] == [teacher, warming, images - teacher - warming]


def test_few_photographs_are_not_learnt_by_heart():
    data = PHOTOGRAPHS.replace(count=300)

    def phases(images, **settings):
        schedule = configure("ae_to_gan", data, {"images": images, **settings}).schedule
        return [(phase.name, phase.images) for phase in schedule]

    assert phases(100_000) == [("autoencoder", 11_880), ("warm-up", 120)]
    assert phases(2_000) == [("autoencoder", 1_980), ("warm-up", 20)]
    assert [configure("ae_to_gan", data, {"images": n}).capped for n in (2_000, 12_000, 100_000)] == [
        False,
        False,
        True,
    ]
    assert phases(100_000, teacher=0.9) == [("autoencoder", 90_000), ("warm-up", 500), ("adversarial", 9_500)]


def test_an_inherited_teacher_leaves_the_budget_to_the_adversary():
    taught = configure("vae", DIGITS).nets
    phases = configure("ae_to_gan", DIGITS, {"images": 100_000}, taught).schedule
    assert [(phase.name, phase.images) for phase in phases] == [("warm-up", 5_000), ("adversarial", 95_000)]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_names_its_paper(name):
    text = describe(name)
    assert re.search(r"(19|20)\d\d", text.split("Options")[0]), "no paper"
    assert ("Goodfellow et al. 2014" in text) == (name in ("gan", "ae_to_gan"))
    assert ("Kingma and Welling 2013" in text) == (name in ("vae", "ae_to_gan", "latent_gan"))


@pytest.mark.parametrize("name", RECIPES)
def test_every_option_is_told_in_words_and_in_no_more_than_two_lines(name):
    for option in options(name).values():
        assert 10 < len(option.help) < 200, option


def test_options_of_groups_are_set_one_by_one():
    run = configure("ae_to_gan", DIGITS, {"width": "4", "pack": 2, "batch": 8, "freeze": 1, "gamma": 0})
    assert run.batch == 8 and run.nets["D"].args["pack"] == 2 and run.nets["E"].args["widths"][0] == 4
    with pytest.raises(UserError, match="conditional"):
        configure("aae", DIGITS, {"conditional": True})  # a field that the recipe does not offer


def test_a_number_that_nothing_could_hold_is_refused():
    with pytest.raises(UserError, match="at most"):
        configure("ae", DIGITS, {"width": 10**15})


@pytest.mark.parametrize(
    "recipe", ["ae_to_gan", "projected_gan", "latent_gan", "decoder_finetune", "codec", "stacked_gan"]
)
@pytest.mark.parametrize("source", ["hierarchical_vae", "gan", "lossless"])
def test_what_is_no_autoencoder_with_one_latent_cannot_be_inherited(recipe, source):
    if (recipe, source) == ("codec", "lossless"):
        return  # its pixels are taken
    with pytest.raises(UserError, match="source: the model"):
        configure(recipe, DIGITS, {}, configure(source, DIGITS).nets)


@pytest.mark.parametrize(
    ("sides", "patch"),
    {(8, 8): 1, (28, 28): 4, (64, 64): 8, (80, 64): 8, (64, 96): 8, (128, 64): 16, (256, 64): 16, (9, 40): 1}.items(),
)
def test_patches_leave_few_places_and_not_too_few(sides, patch):
    """An oblong picture keeps the places of its shorter side."""
    E = configure("ae", DataInfo("pictures", (1, *sides), (127.5,), (127.5,))).nets["E"]
    assert E.args.get("patch", 1) == patch


@pytest.mark.parametrize(
    ("given", "rate"),
    [({"width": 8}, 2e-3), ({"width": 64}, 5e-4), ({"width": 8, "damage": "holes"}, 1e-3), ({"lr": 1e-4}, 1e-4)],
)
def test_wide_restorers_and_squared_errors_learn_at_a_lower_rate(given, rate):
    for settings in (given, given | {"lr": 0} if "lr" not in given else given):
        run = configure("restore", DataInfo("pictures", (3, 32, 32), (127.5,), (127.5,)), settings)
        assert run.schedule[0].turns[0].lr.start == rate
    with pytest.raises(UserError, match="nothing would be learnt"):
        configure("gan", DIGITS, {"lr": 0})


@pytest.mark.parametrize("recipe", ["ae", "denoising_ae", "vae", "beta_vae"])
def test_autoencoders_of_texts_learn_faster(recipe):
    texts = DataInfo("lines", (8,), (0.0,), (1.0,), "uint16", kind="text", vocabulary=("a", "b"))
    for info, rate in ((DIGITS, 1e-3), (texts, 3e-3)):
        for given, wanted in (({}, rate), ({"lr": 2e-4}, 2e-4)):
            assert configure(recipe, info, given).schedule[0].turns[0].lr.start == wanted


def test_a_patch_that_fits_no_network_is_refused():
    info = DataInfo("rows", (4,), (0.0,) * 4, (1.0,) * 4, dtype="float32")
    with pytest.raises(UserError, match=r"patch.*convolutional"):
        configure("ae", info, {"patch": 2})
    with pytest.raises(UserError, match=r"patch.*does not divide"):
        configure("ae", DataInfo("odd", (1, 9, 9), (127.5,), (127.5,)), {"patch": 2})
