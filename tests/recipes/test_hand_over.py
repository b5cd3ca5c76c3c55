"""What restorers and translators begin with, by name."""

import pytest
import torch
from untrained import untrained

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.recipes import configure, smoke
from aegean.training.inherit import fitting
from aegean.training.schedule import Copy, Renew
from aegean.training.trainer import build

SMALL = {"width": 4, "blocks": 1, "batch": 4}


def info_of(channels=1, target=None, paired=False):
    return DataInfo("made", (channels, 32, 32), (127.5,), (127.5,), count=20, target=target, paired=paired)


def source(recipe="restore", info=None, **settings):
    info = info or info_of()
    return untrained(smoke(recipe, info, **{**SMALL, **settings}), info)


def begins_as(recipe, info, model, **settings):
    run = configure(recipe, info, {**SMALL, **settings}, model.specs)
    return set(fitting(run, model, info))


@pytest.mark.parametrize("damage", ["noise", "jpeg", "mix", "downscale"])
def test_a_masked_autoencoder_begins_every_restorer(damage):
    model = source(damage="holes")
    assert begins_as("restore", info_of(), model, damage=damage) == {"E", "U"}
    assert begins_as("restore", info_of(), model, damage=damage, encoder="new") == {"U"}
    assert begins_as("restore", info_of(), model, damage=damage, decoder="new") == {"E"}
    assert begins_as("restore", info_of(), model, damage="holes", holes="0.1,0.2") == {"E", "U", "token"}


def test_a_discriminator_is_taken_by_name_or_left():
    model = source(adversary=True)
    taken = begins_as("restore", info_of(), model, adversary=True)
    assert taken == {"E", "U", "sharp", "D"}
    assert begins_as("restore", info_of(), model, adversary=True, discriminator="new") == taken - {"D"}
    with pytest.raises(UserError):
        begins_as("restore", info_of(), model, encoder="new", decoder="new")


def test_a_translator_leaves_what_is_made_for_other_channels():
    model = source(adversary=True)  # its discriminator sees one side, that of a translator two
    info = info_of(target=info_of(3), paired=True)
    run = configure("translate", info, SMALL, model.specs)
    assert {edge.net for edge in run.schedule[0].edges if isinstance(edge, Renew)} == {"U", "sharp", "D"}
    assert "E" in fitting(run, model, info)


def test_unit_begins_as_a_masked_autoencoder_of_small_pictures():
    info = info_of(target=info_of())
    assert begins_as("unit", info, source(damage="holes")) == {"E", "U"}


def test_unit_trains_its_autoencoder_where_a_part_of_it_is_new():
    info = info_of(target=info_of())
    model = source("unit", info)
    names = [phase.name for phase in configure("unit", info, SMALL, model.specs).schedule]
    assert names == ["unpaired"]
    run = configure("unit", info, {**SMALL, "encoder": "new"}, model.specs)
    assert [phase.name for phase in run.schedule] == ["autoencoder", "unpaired"]
    assert {edge.net for edge in run.schedule[0].edges} == {"E", "F", "S", "placing"}


@pytest.mark.parametrize("recipe", ["restore", "translate", "unit"])
def test_a_discriminator_can_begin_as_the_encoder(recipe):
    info = info_of() if recipe == "restore" else info_of(target=info_of(), paired=recipe == "translate")
    more = {"adversary": True} if recipe != "unit" else {}
    run = configure(recipe, info, {**SMALL, "discriminator": "encoder", **more})
    nets = build(run)
    edges = [edge for phase in run.schedule for edge in phase.edges if isinstance(edge, Copy)]
    for edge in edges:
        if ".backbone" in edge.target:
            given = {n: v for n, v in nets[edge.source].state_dict().items() if n != "stem.weight"}
            taken = nets[edge.target.split(".")[0]].backbone.state_dict()
            assert all(taken[name].shape == value.shape for name, value in given.items())
    assert any(".backbone" in edge.target for edge in edges)
    with pytest.raises(UserError, match="multiples"), torch.device("meta"):
        odd = info.replace(shape=(1, 31, 31), target=info.target and info.target.replace(shape=(1, 31, 31)))
        configure(recipe, odd, {**SMALL, "discriminator": "encoder", **more})
