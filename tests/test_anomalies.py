"""What is odd gets many bits and small p-values, in Python and on the command line; and it says where."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

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


def test_pictures_are_compared_by_features_that_are_saved_too(tmp_path, capfd):
    x = np.random.default_rng(0).normal(size=(60, 64)).astype(np.float32)
    fitted = AnomalyDetector(2, image_shape=(8, 8), **TINY).fit(x)
    assert fitted.model_.specs["features"].kind == "Trunk" and fitted.explain(x).shape == x.shape
    fitted.save(tmp_path / "d.safetensors")
    loaded = AnomalyDetector.load(tmp_path / "d.safetensors")
    np.testing.assert_array_equal(loaded.score_samples(x), fitted.score_samples(x))
    assert capfd.readouterr() == ("", "")


def test_rows_of_mixed_columns(tmp_path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed: pip install 'aegean[data]'")
    random = np.random.default_rng(0)
    codes = random.integers(0, 3, 300)
    table = pandas.DataFrame({"kind": np.array(list("abc"))[codes], "x": codes + 0.1 * random.normal(size=300)})
    table.loc[::9, "x"] = np.nan
    fitted = AnomalyDetector(2, **TINY | {"images": 2_560}).fit(table)
    new = pandas.DataFrame({"x": [0.0, 300.0, 0.0, np.nan], "kind": ["a", "a", "z", "b"]})
    usual, far, unknown, gap = fitted.score_samples(new)
    assert max(far, unknown) < min(usual, gap)
    assert fitted.explain(new)[[1, 2]].argmax(1).tolist() == [1, 0]
    fitted.save(tmp_path / "d.safetensors")
    np.testing.assert_array_equal(AnomalyDetector.load(tmp_path / "d.safetensors").predict(new), fitted.predict(new))
    with pytest.raises(ValueError, match="lacks"):
        fitted.predict(new[["x"]])


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


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a table of a number and a category that go together, and the table."""
    folder = tmp_path_factory.mktemp("rows")
    x = np.random.default_rng(0).normal(size=300)
    lines = [f"{value:.2f},{'warm' if value > 0 else 'cold'}" for value in x]
    (folder / "rows.csv").write_text("\n".join(["degrees,word", *lines]))
    words = ["--data", str(folder / "rows.csv"), "--images", "6400", "--out", str(folder / "run")]
    assert main(["train", "ae", *words]) == 0
    return folder / "run", folder / "rows.csv"


def scored(run, text, tmp_path, *more):
    """The lines of the scores of a table."""
    (tmp_path / "new.csv").write_text(text)
    out = tmp_path / "scores.csv"
    assert main(["score", str(run), str(tmp_path / "new.csv"), "--out", str(out), "--overwrite", *more]) == 0
    return list(csv.DictReader(out.read_text().splitlines()))


@pytest.mark.slow
def test_a_run_scores_rows(run, tmp_path, monkeypatch):
    monkeypatch.setattr("aegean.data.read.cells.BLOCK", 2)  # rows that are read at a time
    before = {path: path.stat().st_mtime_ns for path in run[0].rglob("*")}
    usual, far, new = found = scored(run[0], "word,degrees\nwarm,1.0\nwarm,500\nhot,1.0", tmp_path)
    assert [row["name"] for row in found] == ["new-000000", "new-000001", "new-000002"]
    assert {path: path.stat().st_mtime_ns for path in run[0].rglob("*")} == before
    assert float(far["bits"]) > float(usual["bits"]) < float(new["bits"])
    assert float(far["p_value"]) <= 0.05 < float(usual["p_value"])
    assert far["odd"].startswith("degrees") and new["odd"].startswith("word")


def test_usual_samples_are_thinned_evenly(monkeypatch):
    from aegean.data.io.inputs import Inputs
    from aegean.session import anomalies

    monkeypatch.setattr(anomalies, "MOST", 5)
    blocks = (Inputs([str(n) for n in range(n, n + 7)], np.arange(n, n + 7), None) for n in range(0, 70, 7))
    assert anomalies.thinned(blocks).raw.tolist() == list(range(0, 70, 8))


@pytest.mark.slow
def test_a_model_file_alone_needs_usual_data(run, tmp_path):
    (tmp_path / "m.safetensors").write_bytes((run[0] / "model.safetensors").read_bytes())
    words = ["score", str(tmp_path / "m.safetensors"), str(run[1]), "--out", str(tmp_path / "scores.csv")]
    assert main(words) == 2
    assert main([*words, "--data", str(run[1])]) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["word\nwarm", "degrees,word", "", "degrees,word\n1.0,warm\n2.0"], ids=["column", "rows", "empty", "ragged"]
)
def test_tables_that_cannot_be_scored_are_refused(run, tmp_path, text):
    (tmp_path / "new.csv").write_text(text)
    assert main(["score", str(run[0]), str(tmp_path / "new.csv"), "--out", str(tmp_path / "s.csv")]) == 2
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.slow
def test_pictures_are_drawn_red_where_they_are_odd(tmp_path):
    random = np.random.default_rng(0)
    (tmp_path / "new").mkdir()
    for part, count in (("old", 60), ("new", 2)):
        (tmp_path / part).mkdir(exist_ok=True)
        for i in range(count):
            pixels = random.integers(0, 60, (16, 16), np.uint8)
            if part == "new" and i:
                pixels[2:5, 10:13] = 255
            Image.fromarray(pixels).save(tmp_path / part / f"{i}.png")
    run, out = str(tmp_path / "run"), str(tmp_path / "scores.csv")
    settings = ["--images", "640", "--set", "width=2", "--set", "latent=2"]
    assert main(["train", "ae", "--data", str(tmp_path / "old"), "--out", run, *settings]) == 0
    assert main(["score", run, str(tmp_path / "new"), "--out", out, "--map", str(tmp_path / "maps")]) == 0
    first, second = csv.DictReader(Path(out).read_text().splitlines())
    assert float(second["bits"]) > float(first["bits"])
    assert second["odd"] in [f"x={x} y={y}" for x in (10, 11, 12) for y in (2, 3, 4)]
    red = np.asarray(Image.open(tmp_path / "maps" / "1.png")).astype(int)
    assert (red[..., 0] - red[..., 1]).argmax() in [16 * y + x for x in (10, 11, 12) for y in (2, 3, 4)]
    (tmp_path / "none").mkdir()
    assert main(["score", run, str(tmp_path / "none"), "--out", str(tmp_path / "2.csv")]) == 2
