"""A pack is taken again only while its built-in set and the form of packs are what they were."""

import hashlib
import json

import numpy as np
import pytest
from notes import heard

from aegean.data import DataOptions, address, open_data
from aegean.data.read import built_in as synthetic
from aegean.data.read import sprites
from aegean.data.read.built_in import BUILT_IN, built_in_sum
from aegean.data.read.sprites import known_factors
from aegean.data.sets import opening
from aegean.data.sets.pack import FORMAT

FORM = "d64f"  # of packs of formats 2 and 3, between which vocabularies of characters grew


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of its own, and a file in the place of those that make the built-in sets."""
    monkeypatch.setenv("AEGEAN_CACHE", str(tmp_path / "cache"))
    maker = tmp_path / "maker.py"
    maker.write_text("")
    monkeypatch.setattr(address, "FILES", (maker,))
    return maker


def opened(spec):
    said = []
    return heard(said, open_data, spec), said


def test_a_pack_of_older_sprites_does_not_hide_the_factors_of_todays(cache, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr(sprites, "RADII", np.linspace(1.5, 4.0, 6))
        assert known_factors(opened("sprites")[0]) is not None
    cache.write_text("the radii are others now")
    dataset, said = opened("sprites")
    assert known_factors(dataset) is not None
    assert any("changed" in text for text in said)


def test_an_unchanged_set_is_not_packed_again(cache, monkeypatch):
    first = opened("sprites")[0]
    monkeypatch.setattr(opening, "_pack", None)
    cache.write_text("a new comment")
    assert opened("sprites")[0].folder == first.folder
    monkeypatch.setattr(address, "built_in_sum", None)  # the listing was refreshed
    assert opened("sprites")[0].folder == first.folder


def test_the_files_that_make_the_sets_are_looked_at():
    assert {path.name for path in synthetic.FILES} == {"built_in.py", "sprites.py"}
    assert all(path.exists() for path in synthetic.FILES)


def test_every_set_has_a_sum_of_its_own():
    sums = [built_in_sum(name) for name in BUILT_IN]
    assert len(set(sums)) == len(sums)


def test_the_form_of_packs_is_that_of_their_format(tmp_path, monkeypatch):
    """Where this fails a pack looks otherwise than before: raise FORMAT, so that none of the old ones is taken."""
    monkeypatch.setenv("AEGEAN_CACHE", str(tmp_path / "cache"))
    pixels = np.arange(30 * 25, dtype=np.uint16).reshape(30, 5, 5).astype(np.uint8)
    np.savez(tmp_path / "a.npz", x=pixels, y=np.arange(30) % 3)
    folder = open_data(DataOptions(str(tmp_path / "a.npz"))).folder
    stored = json.loads((folder / "pack.json").read_text())
    total = hashlib.sha256(json.dumps(stored["info"], sort_keys=True).encode())
    for file in sorted(folder.iterdir()):
        total.update(file.name.encode() + (b"" if file.name == "pack.json" else file.read_bytes()))
    assert (FORMAT, total.hexdigest()[: len(FORM)]) == (3, FORM)
