"""Folders of diffusers, and pictures."""

import json
import shutil

import numpy as np
import pytest
import safetensors.torch
import torch
from autoencoders import MADE
from PIL import Image

from aegean.diffusers import WEIGHTS


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """made(name) -> the folder of a small autoencoder."""
    import diffusers

    place = tmp_path_factory.mktemp("diffusers")

    def make(name):
        path = place / name.replace(" ", "-")
        if not path.exists():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(3)
                getattr(diffusers, name.split()[0])(**MADE[name]).save_pretrained(path)
        return path

    return make


@pytest.fixture
def damaged(made, tmp_path):
    """damaged(name, config changes, tensor changes) -> a copy of a folder with another config and other tensors."""

    def damage(name="AutoencoderKL", config=None, tensors=None):
        path = tmp_path / "copy"
        shutil.copytree(made(name), path)
        file = path / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **(config or {})}))
        state = safetensors.torch.load_file(path / WEIGHTS)
        safetensors.torch.save_file((tensors or (lambda s: s))(state), path / WEIGHTS)
        return path

    return damage


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder of 120 colour pictures of 16x16: one soft blob each."""
    place = tmp_path_factory.mktemp("photos")
    y, x = np.mgrid[:16, :16]
    draws = np.random.default_rng(0).random((120, 6))
    for n, (a, b, r, *colour) in enumerate(draws):
        blob = np.exp(-((x - 16 * a) ** 2 + (y - 16 * b) ** 2) / (8 + 30 * r))[..., None] * np.array(colour) * 255
        Image.fromarray(blob.astype(np.uint8)).save(place / f"{n}.png")
    return place
