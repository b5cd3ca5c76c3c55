"""Marks: keys, what is read of smooth pictures that carry one and of others, the command, and what is refused."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from untrained import untrained

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.model import Model
from aegean.nets.marked import BITS, marking
from aegean.recipes.registry import configure
from aegean.trust.disturbed import ATTACKS
from aegean.trust.key import Key, read_key, write_key
from aegean.trust.marking import check_readable, detect, in_range
from aegean.trust.reading import carriers, evened, pooled, read_marks


def smooth(n, seed, shape=(3, 32, 32)):
    """Pictures (n, C, H, W) uint8 as a small model draws them."""
    x = np.random.default_rng(seed).normal(size=(n, *shape))
    x = gaussian_filter(x, (0, 0, 2, 2)) * 4
    return (np.clip(x, -1, 1) * 127.5 + 127.5).round().astype(np.uint8)


@pytest.fixture(scope="module")
def key():
    return evened(Key("ab" * 32), in_range(smooth(250, 0)))


@pytest.fixture(scope="module")
def marked(key):
    x = torch.from_numpy(in_range(smooth(8, 1))).float()
    signed = torch.from_numpy(carriers(key) * key.bits[:, None, None, None]).float()
    y = x + marking(x, signed, torch.tensor(key.mean).view(3, 32, 32))
    return ((y.numpy() + 1) * 127.5).round().clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("attack", ATTACKS)
def test_bits_survive_each_attack_and_pictures_pooled_leave_no_doubt(marked, key, attack):
    rng = np.random.default_rng(0)
    found = read_marks(in_range(np.stack([ATTACKS[attack](x, rng) for x in marked])), key)
    assert np.mean([one.agreeing for one in found]) >= 0.9 * BITS
    assert pooled([one.p for one in found]) <= 1e-6


def test_the_mark_is_not_seen(marked):
    error = ((marked.astype(float) - smooth(8, 1)) ** 2).mean((1, 2, 3))
    assert (10 * np.log10(255**2 / error)).min() > 35


def test_pictures_without_a_mark_and_wrong_keys_are_accused_as_rarely_as_promised(marked, key):
    ps = [one.p for one in read_marks(in_range(smooth(400, 2)), key)]
    assert np.mean(np.array(ps) <= 0.05) <= 0.09 and min(ps) > 1e-5
    other = evened(Key("cd" * 32), in_range(smooth(250, 0)))
    assert min(one.p for one in read_marks(in_range(marked), other)) > 1e-4


def test_a_key_is_written_for_its_owner_alone_and_read_again(key, tmp_path):
    write_key(key, tmp_path / "k.key")
    assert (tmp_path / "k.key").stat().st_mode & 0o077 == 0
    again = read_key(tmp_path / "k.key")
    assert (again.secret, again.shape, again.band) == (key.secret, key.shape, key.band)
    assert np.allclose(again.mixing, key.mixing) and np.allclose(again.mean, key.mean)


@pytest.mark.parametrize(
    "text, said",
    [
        ("ab" * 16, "32 characters"),
        ("xy" * 32, "hexadecimal"),
        ("{}", "not a whole key"),
        ('{"secret": 1, "shape": [1]}', "whole"),
    ],
)
def test_what_is_no_key_is_refused(tmp_path, text, said):
    (tmp_path / "k").write_text(text)
    with pytest.raises(UserError, match=said):
        read_key(tmp_path / "k")


def model_of(shape, tmp_path, recipe="vae", **settings):
    info = DataInfo("pictures", shape, (127.5,), (127.5,), "uint8", count=10, test_count=10)
    run = configure(recipe, info, {"width": 4, "latent": 4, **settings})
    untrained(run, info).save(tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def test_a_model_is_marked_and_its_files_are_found(tmp_path, done, monkeypatch):
    for name, few in {"LOOKED_AT": 200, "TRIED": 8, "WRONG": 1}.items():
        monkeypatch.setattr(f"aegean.trust.marking.{name}", few)
    (tmp_path / "k").write_text("ab" * 32)  # a new one, once in some hundreds, fits an untrained model badly
    file = model_of((3, 32, 32), tmp_path)
    found = json.loads(done("mark", file, "--key", tmp_path / "k", "--out", f"{tmp_path}/marked/", "--json"))
    assert found["psnr"] > 35 and found["attacks"]["nothing"]["bits"] > 0.9 and found["wrong_keys"]["alarms"] <= 2
    done("sample", tmp_path / "marked", "--count", 8, "--out", f"{tmp_path}/s/")
    done("sample", file, "--count", 8, "--out", f"{tmp_path}/plain/")
    with_mark, without = (
        json.loads(done("detect", tmp_path / name, "--key", tmp_path / "k", "--json")) for name in ("s", "plain")
    )
    assert with_mark["pooled"] < 1e-6 < 1e-3 < without["pooled"]
    assert Model.load(tmp_path / "marked").about["marked"] == Model.load(file).fingerprint


@pytest.mark.parametrize(
    "shape, said", [((1, 15, 15), "16x16"), ((3, 15, 40), "16x16"), ((2, 16, 16), "channels"), ((5,), "only pictures")]
)
def test_what_cannot_be_marked_is_refused(tmp_path, refused, shape, said):
    file = model_of(shape, tmp_path)
    assert said in refused("mark", file, "--key", tmp_path / "k", "--out", f"{tmp_path}/a/")
    assert not (tmp_path / "a").exists() and not (tmp_path / "k").exists()


def test_keys_of_another_length_or_in_use_and_pictures_without_room_are_refused(tmp_path, refused, key):
    (tmp_path / "short").write_text("ab" * 16)
    file = model_of((1, 16, 16), tmp_path)
    assert "32 characters" in refused("mark", file, "--key", tmp_path / "short", "--out", f"{tmp_path}/a/")
    write_key(key, tmp_path / "used")
    assert "has marked a model already" in refused("mark", file, "--key", tmp_path / "used", "--out", f"{tmp_path}/a/")
    assert not (tmp_path / "a").exists() and (tmp_path / "short").read_text() == "ab" * 16
    with pytest.raises(UserError, match="no room"):
        check_readable("runs/mnist", {"nothing": {"bits": 0.83, "pooled": 1e-9}})


def test_what_cannot_be_read_is_refused(tmp_path, refused, key):
    Image.new("RGB", (15, 15)).save(tmp_path / "small.png")
    (tmp_path / "new").write_text("ab" * 32)
    assert "marked no model" in refused("detect", tmp_path / "small.png", "--key", tmp_path / "new")
    write_key(key, tmp_path / "k")
    assert "fewer than this mark needs: 22x22" in refused("detect", tmp_path / "small.png", "--key", tmp_path / "k")
    assert "no file" in refused("detect", tmp_path / "small.png", "--key", tmp_path / "gone")
    with pytest.raises(UserError):
        detect([tmp_path / "gone.png"], tmp_path / "k")
