"""What is odd gets many bits and small p-values, in Python and on the command line; and it says where."""

import csv

import numpy as np
import pytest
import torch

from aegean import Model, UserError
from aegean.cli import main
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.latent import MixturePrior
from aegean.model.scoring import with_scorer
from aegean.recipes import smoke
from aegean.sklearn import AnomalyDetector, GenerativeModel
from tests.untrained import untrained

TINY = {"images": 640, "batch": 16, "settings": {"width": 2}, "random_state": 0}


@pytest.fixture(scope="module")
def rows():
    """(300, 4): two columns that go together, one of another scale, one that never moves."""
    x = np.random.default_rng(0).normal(size=(300, 4)) * [1, 1, 100, 0]
    x[:, 1] += 3 * x[:, 0]
    return x


@pytest.fixture(scope="module")
def detector(rows):
    return AnomalyDetector(2, **TINY).fit(rows)


def test_what_is_odd_is_found_and_where(rows, detector):
    odd = np.add(rows[:1], [0, 0, 5_000, 0])
    assert detector.predict(odd) == [-1]
    assert detector.score_samples(odd) < detector.score_samples(rows).min()
    assert detector.p_value(odd) == 1 / (len(rows) // 5 + 1)
    assert detector.explain(odd).argmax() == 2


def test_a_column_that_never_moved_is_odd_where_it_moves(rows, detector):
    assert detector.explain(np.add(rows[:1], [0, 0, 0, 3])).argmax() == 3


def test_few_usual_rows_are_taken_for_odd(detector):
    new = np.random.default_rng(1).normal(size=(2_000, 4)) * [1, 1, 100, 0]
    new[:, 1] += 3 * new[:, 0]
    assert 0.01 < (detector.p_value(new) <= 0.05).mean() < 0.15
    np.testing.assert_array_equal(detector.p_value(new) <= 0.05, detector.predict(new) < 0)


def test_a_share_of_the_data_may_be_taken_for_odd(rows):
    fitted = AnomalyDetector(2, contamination=0.1, **TINY)
    assert (fitted.fit_predict(rows) < 0).sum() == 30
    with pytest.raises(ValueError, match="contamination"):
        AnomalyDetector(2, contamination=0.7, **TINY).fit(rows)


@pytest.mark.parametrize("contamination", ["auto", 0.1])
def test_a_saved_detector_says_the_same(rows, tmp_path, contamination):
    fitted = AnomalyDetector(2, contamination=contamination, **TINY).fit(rows)
    fitted.save(tmp_path / "d.safetensors")
    loaded = AnomalyDetector.load(tmp_path / "d.safetensors")
    np.testing.assert_array_equal(loaded.score_samples(rows), fitted.score_samples(rows))
    np.testing.assert_array_equal(loaded.predict(rows), fitted.predict(rows))
    assert loaded.get_params() == fitted.get_params()


def test_a_model_that_does_not_know_what_is_usual_is_refused(rows, tmp_path):
    GenerativeModel(2, **TINY).fit(rows).save(tmp_path / "g.safetensors")
    with pytest.raises(UserError, match="usual"):
        AnomalyDetector.load(tmp_path / "g.safetensors")


def test_too_few_held_out_samples_are_said(rows):
    with pytest.warns(UserWarning, match="held out"):
        AnomalyDetector(2, **TINY).fit(rows[:12]).p_value(rows[:1])


def test_bits_of_a_mixture_are_those_of_scikit_learn():
    from sklearn.mixture import GaussianMixture

    z = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 2.0, 0.1])
    prior = MixturePrior(3, components=1)
    prior.fit(z)
    expected = -GaussianMixture(1, reg_covar=0, random_state=0).fit(z).score_samples(z) / np.log(2)
    np.testing.assert_allclose(prior.bits(z), expected, rtol=1e-3, atol=1e-3)


def test_pictures_say_which_pixels_are_odd(tmp_path):
    info = DataInfo("p", (1, 8, 8), (127.5,), (127.5,), count=64)
    model = untrained(smoke("ae", info), info)
    x = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 0.1
    model = with_scorer(model, Batch(x[:32]), Batch(x[32:]))
    odd = x[:1].clone()
    odd[0, 0, 3, 5] = 1
    found = model.anomalies(odd)
    assert found.errors[0, 0].argmax() == 3 * 8 + 5
    model.save(tmp_path / "m.safetensors")
    torch.testing.assert_close(Model.load(tmp_path / "m.safetensors").anomalies(odd).bits, found.bits)


@pytest.mark.slow
def test_a_run_scores_files(tmp_path, rows, capsys):
    np.savetxt(tmp_path / "rows.csv", rows[:, :3], delimiter=",", header="a,b,c", comments="")
    np.savetxt(tmp_path / "new.csv", rows[:2, :3] + [[0, 0, 0], [0, 0, 5_000]], "%g", ",", header="a,b,c", comments="")
    run, out = tmp_path / "run", tmp_path / "scores.csv"
    words = ["--data", str(tmp_path / "rows.csv"), "--images", "640", "--out", str(run)]
    assert main(["train", "ae", *words]) == 0
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    assert main(["score", str(run), str(tmp_path / "new.csv"), "--out", str(out)]) == 0
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before
    lines = list(csv.DictReader(out.read_text().splitlines()))
    assert float(lines[1]["bits"]) > float(lines[0]["bits"])
    assert float(lines[1]["p_value"]) <= 0.05 < float(lines[0]["p_value"])
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes((run / "model.safetensors").read_bytes())
    again = ["score", str(alone), str(tmp_path / "new.csv"), "--out", str(tmp_path / "2.csv")]
    assert main(again) == 2
    assert main([*again, "--data", str(tmp_path / "rows.csv")]) == 0
