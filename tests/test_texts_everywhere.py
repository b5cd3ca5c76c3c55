"""What becomes of texts beyond reading: recipes, verbs, run folder, command line, scikit-learn."""

import json
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from untrained import untrained

from aegean.config import UserError
from aegean.data import DataInfo, DataOptions
from aegean.data.batch import Batch
from aegean.data.read.vocabulary import encoded, vocabulary_of
from aegean.data.sets.feed import Feed
from aegean.integrations.export import export
from aegean.model import Model
from aegean.nets.kinds import KINDS
from aegean.recipes import RECIPES, configure, smoke
from aegean.session.train import of_data
from aegean.sklearn import AutoencoderTransformer, GenerativeModel
from aegean.testing import check_reach
from aegean.training.trainer import Trainer
from aegean.training.watch import rate_warning
from aegean.web import latents, play, show
from aegean.web.kinds import uploaded
from aegean.web.play import Exhibit

LINES = [f"The {a} saw a {b}." for a in ("cat", "dog", "bird", "man", "boy") for b in ("fish", "tree", "house", "car")]
VOCABULARY = vocabulary_of(LINES, "words")[0]
INFO = DataInfo("lines", (8,), (0.0,), (1.0,), "uint16", count=20, kind="text", vocabulary=VOCABULARY)
NAMED = INFO.replace(classes=("a", "b"), class_counts=(10, 10))
RAW, _ = encoded(LINES, VOCABULARY, 8)
SUITED = KINDS["text"].recipes


def trainer(recipe, info=INFO, labels=None, **settings):
    run = smoke(recipe, info, 4, **{"batch": 8, **settings})
    return Trainer(run, info, Feed(info, RAW, labels, torch.device("cpu"), 0), torch.device("cpu"))


@cache
def model(recipe):
    return trainer(recipe, width=4).model()


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run folder whose model is untrained."""
    (tmp_path / "lines.txt").write_text("\n".join(LINES))
    model("vae").save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.mark.slow
@pytest.mark.parametrize("recipe", SUITED)
def test_each_term_moves_whom_it_names_and_nobody_else(recipe):
    check_reach(trainer(recipe))


@pytest.mark.parametrize("recipe", sorted(set(RECIPES) - set(SUITED)))
def test_other_recipes_are_refused_in_one_sentence(recipe):
    with pytest.raises(UserError, match="not for data of kind text"):
        configure(recipe, INFO)


def test_an_autoencoder_learns_its_lines_by_heart():
    spec = configure("ae", INFO, {"width": 32, "latent": 8, "batch": 20, "images": 3000, "lr": 0.01})
    trained = Trainer(spec, INFO, Feed(INFO, RAW, None, torch.device("cpu"), 0), torch.device("cpu"))
    for _ in trained:
        pass
    found = trained.model()
    again = found.texts(found.reconstruct(LINES))
    assert sum(a == b for a, b in zip(again, LINES)) >= 18


def test_verbs_take_lists_of_strings():
    vae = model("vae")
    assert {"encode", "decode", "reconstruct", "sample", "score"} <= set(vae.can())
    z = vae.encode(LINES)
    assert torch.equal(z, vae.encode(vae.tokens(LINES))) and z.shape == (20, vae.latent)
    assert len(vae.texts(vae.decode(z))) == 20 and vae.score(LINES[:3]).shape == (3,)
    for wrong in (torch.full((1, 8), 9e6), torch.full((1, 8), 0.5), -torch.ones(1, 8)):
        with pytest.raises(UserError, match="no tokens"):
            vae.encode(wrong)
    with pytest.raises(UserError, match="list of texts"):
        vae.encode("one text")


def test_samples_are_drawn_at_a_temperature():
    vae = model("vae")
    assert torch.equal(vae.sample(5), vae.sample(5, temperature=1.0))
    assert torch.equal(vae.sample(5, temperature=0), vae.sample(5, temperature=0))
    assert not torch.equal(vae.sample(5, temperature=0), vae.sample(5))
    assert torch.equal(vae.sample(5)[2:], vae.sample(3, start=2))
    with pytest.raises(UserError, match="expected a number from 0"):
        vae.sample(2, temperature=-1)
    pictures = DataInfo("grey", (1, 8, 8), (127.5,), (127.5,), count=9)
    grey = untrained(smoke("vae", pictures), pictures)
    for wrong in (lambda: grey.sample(2, temperature=1.0), lambda: grey.encode(LINES), lambda: grey.texts(None)):
        with pytest.raises(UserError, match="text"):
            wrong()


def test_bits_count_the_end_and_nothing_behind_it():
    vae = model("vae")
    x = vae.tokens(["The cat"])
    bits = vae.run(lambda p: vae.bound[0](p), Batch(x))
    logits = vae.run("raw_hat", Batch(x))[0].log_softmax(1)
    ids = x[0].long()
    end = int((ids > 0).sum())
    assert float(bits) == pytest.approx(-float(logits[range(end + 1), ids[: end + 1]].sum()) / np.log(2), rel=1e-4)


def test_classes_reach_the_decoder():
    labels = np.arange(20) % 2
    trained = trainer("vae", NAMED, labels, conditional=True)
    for _ in trained:
        pass
    found = trained.model()
    assert found.conditional and found.sample(4, labels=torch.zeros(4)).shape == (4, 8)


def test_scikit_learn_takes_lists_of_strings(tmp_path):
    small = {"n_components": 8, "images": 200, "batch": 10, "settings": {"width": 8}, "random_state": 0}
    pipeline = make_pipeline(AutoencoderTransformer(**small), LogisticRegression())
    labels = ["cat" in line for line in LINES]
    assert pipeline.fit(LINES, labels).predict(LINES[:3]).shape == (3,)
    transformer = clone(pipeline[0]).fit(np.array(LINES))
    z = transformer.transform(LINES)
    assert z.shape == (20, 8) and 0 <= transformer.score(LINES) <= 1
    assert all(isinstance(text, str) for text in transformer.inverse_transform(z))
    transformer.save(tmp_path / "t.safetensors")
    assert np.array_equal(AutoencoderTransformer.load(tmp_path / "t.safetensors").transform(LINES), z)
    with pytest.raises(ValueError, match="list of strings"):
        transformer.transform(np.zeros((2, 8)))
    generative = GenerativeModel(**{**small, "recipe": "vae"}).fit(LINES)
    assert generative.score_samples(LINES[:2]).shape == (2,) and len(generative.sample(3)) == 3


def test_the_command_line_writes_lines(run, tmp_path, done, refused):
    done("sample", run, "--count", 5, "--out", tmp_path / "s.txt")
    assert len((tmp_path / "s.txt").read_text().split("\n")) == 6
    done("sample", run, "--count", 5, "--temperature", 0, "--out", tmp_path / "s.jsonl")
    assert len([json.loads(line)["text"] for line in (tmp_path / "s.jsonl").read_text().splitlines()]) == 5
    done("reconstruct", run, tmp_path / "lines.txt", "--out", tmp_path / "r.txt")
    done("encode", run, tmp_path / "lines.txt", "--out", tmp_path / "z.npz")
    done("decode", run, tmp_path / "z.npz", "--out", tmp_path / "d.txt")
    assert (tmp_path / "r.txt").read_text() == (tmp_path / "d.txt").read_text()
    done("traverse", run, "--from", LINES[0], "--to", LINES[5], "--steps", 3, "--out", tmp_path / "w.txt")
    assert len((tmp_path / "w.txt").read_text().split("\n")) == 4
    done("traverse", run, "--seed", 0, "--steps", 3, "--count", 2, "--out", tmp_path / "t.txt")
    assert (tmp_path / "t.txt").read_text().count("direction") == 2
    assert "--to needs --from" in refused("traverse", run, "--to", "x", "--out", tmp_path / "x.txt")
    assert "texts" in refused("reconstruct", run, "digits", "--out", tmp_path / "x.txt")


def test_the_playground_shows_texts_as_texts():
    run = Exhibit("v", "v", model("vae"))
    first, last = (uploaded(text) for text in (LINES[0], "<b>"))
    for found, count in (
        (play.sampled(run, 3, 0, 1.0), 3),
        (play.reconstructed(run, first, False), 2),
        (latents.between(run, [first, last], 4), 4),
    ):
        html = show.panel("v", play.about(run), found, 2)
        assert len(found.texts) == html.count("<dd>") == count and "<img" not in html
    assert "&lt;b&gt;" in show.panel("v", "", play.reconstructed(run, last, False), 2)


@pytest.mark.parametrize("vocabulary", [VOCABULARY[:-1], VOCABULARY[::-1], (), ("a", "b")])
def test_a_file_with_another_vocabulary_is_refused(vocabulary, tmp_path):
    wrong = model("ae")
    own, wrong.info = wrong.info, wrong.info.replace(vocabulary=vocabulary)
    wrong.save(tmp_path / "m.safetensors")
    wrong.info = own
    with pytest.raises(UserError, match="does not describe"):
        Model.load(tmp_path / "m.safetensors")


def test_the_vocabulary_may_be_set_as_an_option_of_the_recipe():
    data, rest = of_data(DataOptions("lines.txt"), {"vocabulary": "bytes", "latent": 4})
    assert data.vocabulary == "bytes" and rest == {"latent": 4}


def test_posterior_collapse_is_said():
    assert "collapse" in rate_warning({"AE/Rate": 0.2}, 0.5)
    assert rate_warning({"AE/Rate": 0.2}, 0.1) is None and rate_warning({"AE/Rate": 20.0}, 0.5) is None


@pytest.mark.slow
def test_a_run_from_lines_to_a_report(tmp_path, done):
    lines = [f"{line[:-1]} and a {c}." for line in LINES for c in ("fox", "pen", "cup", "hat", "bag", "map")]
    (tmp_path / "lines.txt").write_text("\n".join(lines))
    words = (
        "--data",
        tmp_path / "lines.txt",
        "--out",
        tmp_path / "run",
        "--images",
        320,
        "--set",
        "width=8",
        "latent=4",
    )
    done("train", "denoising_ae", *words, "vocabulary=words")
    shown = sorted((tmp_path / "run" / "samples").glob("reconstructions-*.txt"))
    assert lines[0].split()[0] in shown[-1].read_text()
    done("fit", tmp_path / "run", "--prior", "gaussian")
    scores = json.loads(done("evaluate", tmp_path / "run", "--json"))["scores"]
    known = next(score for key, score in scores.items() if key.startswith("reverse@5-gram"))
    assert known["floor"] > 1 and known["ngram"] > 1
    done("compare", tmp_path / "run", "--out", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Between two" in page and "reverse perplexity" in page and page.count("<ol") >= 5
    assert page.count("tokens in a text") >= 2  # held-out ones and samples


@pytest.mark.slow
def test_decoders_and_generators_leave_as_one_graph(tmp_path):
    model("vae").save(tmp_path / "m.safetensors")
    for part, inputs in (("decoder", ["z"]), ("generator", ["noise", "uniform"])):
        found = export(tmp_path / "m.safetensors", part, tmp_path / f"{part}.pt2")
        assert [one["name"] for one in found["inputs"]] == inputs and found["difference"] == 0
        assert found["data"]["vocabulary"] == list(VOCABULARY)
