"""Trained models for the playground."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "training"))
from steps import trainer

RUNS = {"vae": "vae", "codec": "codec", "ladder": "hierarchical_vae"}
CLASSES = {"drawer": "gan", "coder": "ae"}  # trained with classes, for a moment


def make_trained(folder):
    for name, recipe in RUNS.items():
        save(trainer(recipe, steps=80), folder / f"{name}.safetensors")
    for name, recipe in CLASSES.items():
        save(trainer(recipe, steps=5, conditional=True), folder / f"{name}.safetensors")


@pytest.fixture(scope="session")
def trained(shared):
    """A folder of model files. Trained for some steps on digits: vae, codec and ladder, which has two levels;
    hardly trained, but with classes: drawer and coder."""
    return shared("playground", make_trained)


def save(t, file):
    for _ in t:
        pass
    t.model().save(file)


@pytest.fixture
def shown(trained):
    """A function from names of runs to what the page shows of them."""
    from aegean.web.play import load_runs

    def find(*names):
        return load_runs([str(trained / f"{name}.safetensors") for name in names])

    return find
