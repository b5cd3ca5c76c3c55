"""Run folders of release 0.1: still read, used, compared and trained further (tests/golden/README.md)."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import aegean
from aegean.report.compare import compare_runs
from aegean.training.folder import Folder

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).with_name("golden")
RUNS = {"transfer": ["sample", "encode", "decode", "reconstruct"], "rows": ["score"]}
LATENT = {"transfer": 4, "rows": 2}


@pytest.fixture(params=RUNS)
def run(request, tmp_path):
    """A copy of a run folder of release 0.1."""
    return Path(shutil.copytree(GOLDEN / request.param, tmp_path / request.param))


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_its_model_gives_the_same_samples_and_latents(run):
    model = aegean.load(run)
    assert set(RUNS[run.name]) <= set(model.can())
    with np.load(GOLDEN / f"{run.name}.npz") as known:
        samples, z = (torch.from_numpy(known[name]) for name in ("samples", "z"))
    torch.testing.assert_close(model.sample(4), samples, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model.encode(samples), z, rtol=1e-4, atol=1e-5)


def test_info_tells_what_it_is_and_changes_nothing(run, done):
    before = contents(run)
    told = json.loads(done("info", run, "--json"))
    assert told["recipe"] == Folder(run).read().recipe
    assert told["latent"] == LATENT[run.name]
    assert contents(run) == before


def test_more_training_goes_on_from_its_state(run, monkeypatch):
    monkeypatch.setattr("aegean.session.resume.WATCHED", 100)
    monkeypatch.setattr("aegean.session.finish.COUNTED", 100)
    folder = Folder(run)
    lines, phases = folder.lines(), [phase.name for phase in folder.read().run.schedule]
    first, last = ([line for line in lines if line["kind"] == "train"][i]["values"] for i in (0, -1))
    aegean.resume(run, images=1120)
    new = folder.lines()
    assert new[: len(lines)] == lines and {line["phase"] for line in new[len(lines) :]} == {phases[-1]}
    assert folder.clock()["images"] == aegean.load(run).about["images"] == 1120
    if run.name == "rows":  # a bound falls steadily: the next step is nearer to the last one than to the first
        label, after = "AE/GaussianBits", new[len(lines)]["values"]
        assert abs(after[label] - last[label]) < abs(after[label] - first[label])


def test_a_prior_is_fitted_to_it(run):
    model = aegean.fit_prior(run, "gaussian", count=500)
    assert torch.equal(aegean.load(run).sample(4), model.sample(4))


def test_it_is_compared(run, tmp_path):
    report = compare_runs([run], tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert run.name in json.dumps(report)
