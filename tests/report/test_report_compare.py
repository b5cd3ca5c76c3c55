"""From run folders to the page: what it holds, what is refused, what goes on after an interruption."""

import html.parser
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import aegean
from aegean.config import UserError
from aegean.report import compare_recipes, compare_runs
from aegean.training.folder import Folder
from aegean.training.guard import Fault

TINY = {"width": 4, "latent": 4, "batch": 32}
VOID = {"meta", "link", "img", "br", "hr"}


class Page(html.parser.HTMLParser):
    """Checks that tags close; gathers tags with their attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        self.text += data

    def links(self):
        return [a[name] for _, a in self.tags for name in ("src", "href", "xlink:href", "action", "data") if name in a]


def written(out):
    return Page(out.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def report(runs, tmp_path_factory):
    """(page, numbers) of the two runs."""
    out = tmp_path_factory.mktemp("report") / "report.html"
    numbers = compare_runs(runs, out)
    assert json.loads(out.with_suffix(".json").read_text()) == numbers
    return written(out), numbers


def test_the_page_stands_alone(report):
    page, _ = report
    assert all(link.startswith(("data:", "#")) for link in page.links())
    assert not {"script", "iframe", "object", "embed"} & {tag for tag, _ in page.tags}
    styles = [page.text, *(a.get("style") or "" for _, a in page.tags)]
    assert not any(re.search(r"url\((?!#)|@import|https?:", text) for text in styles)


def test_the_page_holds_what_it_should(report):
    page, numbers = report
    titles = ("What good looks like", "Samples", "Reconstructions", "Scores", "Cost", "Learning curves", "Warnings",
              "What to try next", "Recipes and commands", "floor", "Hinton", "Goodfellow")  # fmt: skip
    for title in titles:
        assert title in page.text
    assert all(row["label"] in page.text for row in numbers["rows"])
    assert all(metric["key"] in page.text for metric in numbers["metrics"])
    assert {"svg", "img", "table"} <= {tag for tag, _ in page.tags}


def test_what_a_recipe_cannot_do_is_a_dash(report):
    page, numbers = report
    ae, gan = numbers["rows"]
    assert not any(key.startswith("fd@") for key in ae["scores"])
    assert any(key.startswith("fd@") for key in gan["scores"])
    assert "ae has no prior, so it draws no samples" in page.text


@pytest.mark.slow
@pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="chromium is not installed")
def test_nothing_of_the_page_lies_beyond_the_edge_of_a_screen(runs, tmp_path):
    tool = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    compare_runs(runs, tmp_path / "report.html")
    with tool.sync_playwright() as p:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        for width in (1280, 768, 390):
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.goto(f"file://{tmp_path / 'report.html'}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
            hidden = "[...document.querySelectorAll('.scroll')].some(one => one.scrollWidth > one.clientWidth)"
            assert not page.evaluate(hidden), width
        browser.close()


def test_different_data_are_refused(runs, tmp_path):
    shutil.copytree(runs[0], tmp_path / "other")
    folder = Folder(tmp_path / "other")
    plan = folder.read()
    folder.write_settings(plan.replace(info=plan.info.replace(fingerprint="0", name="letters")))
    with pytest.raises(UserError, match=r"other on 'letters'.*gan on 'digits'"):
        compare_runs([tmp_path / "other", runs[1]], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_a_hostile_name_is_only_text(runs, tmp_path):
    evil = tmp_path / "<script>alert(1)<"
    shutil.copytree(runs[1], evil)
    shutil.copytree(runs[1], tmp_path / "b")
    folder = Folder(evil)
    plan = folder.read()
    folder.write_settings(plan.replace(info=plan.info.replace(name="<img src=x>")))
    compare_runs([evil, tmp_path / "b"], tmp_path / "report.html")
    page = written(tmp_path / "report.html")
    assert "script" not in {tag for tag, _ in page.tags}
    assert "x" not in page.links()
    assert "<script>alert(1)<" in page.text and "<img src=x>" in page.text


@pytest.mark.parametrize("kept", [None, {"images": 7, "scores": {}}, {"scores": 3}, []])
def test_missing_or_stale_scores_are_made(runs, tmp_path, kept):
    shutil.copytree(runs[0], tmp_path / "ae")
    folder = Folder(tmp_path / "ae")
    wanted = json.loads(folder.scores.read_text())
    folder.scores.unlink()
    if kept is not None:
        folder.scores.write_text(json.dumps(kept))
    compare_runs([tmp_path / "ae"], tmp_path / "report.html")
    assert json.loads(folder.scores.read_text()) == wanted


def test_runs_that_are_none_and_other_outputs_are_refused(runs, tmp_path):
    for paths, out, words in (
        ([], "r.html", "nothing to compare"),
        ([tmp_path / "no"], "r.html", "does not exist"),
        (runs, "r.pdf", "ends in .html"),
        (runs, ".", "ends in .html"),
    ):
        with pytest.raises(UserError, match=words):
            compare_runs(paths, tmp_path / out)
    assert list(tmp_path.iterdir()) == []


def test_scores_of_another_feature_network_are_taken_anew(runs, tmp_path, monkeypatch):
    copies = [shutil.copytree(run, tmp_path / run.name) for run in runs]
    kept = json.loads((copies[0] / "evaluation.json").read_text())
    kept["scores"] = {key.replace("digits-projection", "other"): score for key, score in kept["scores"].items()}
    (copies[0] / "evaluation.json").write_text(json.dumps(kept))
    (copies[1] / "evaluation.json").unlink()  # a run without scores hides nothing
    report = compare_runs(copies, tmp_path / "report.html")
    keys = [metric["key"] for metric in report["metrics"] if metric["metric"] not in ("probe", "swd")]
    assert {key.split("@")[1].split(":")[0] for key in keys} <= {"digits-projection", "test"}


@pytest.mark.slow
def test_an_interrupted_comparison_goes_on(tmp_path, monkeypatch):
    asked = {"images": 192, "seeds": 2, "settings": {"gan": TINY}}
    trained = []

    def stop_at_second(*args, **kwargs):
        trained.append(args[2].name)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train(*args, **kwargs)

    train = aegean.train
    monkeypatch.setattr("aegean.report.compare.train", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        compare_recipes(["gan"], "digits", tmp_path, **asked)
    assert not (tmp_path / "report.html").exists()
    announced = []
    report = compare_recipes(["gan"], "digits", tmp_path, on_run=lambda *a: announced.append(a), **asked)
    assert trained == ["gan-seed0", "gan-seed1", "gan-seed1"]
    assert announced == [("gan-seed0", 1, 2), ("gan-seed1", 2, 2)]
    (row,) = report["rows"]
    assert row["seeds"] == [0, 1] and row["finished"]
    key = next(key for key in row["scores"] if key.startswith("fd@"))
    values = [
        json.loads((tmp_path / f"gan-seed{s}" / "evaluation.json").read_text())["scores"][key]["value"] for s in (0, 1)
    ]
    assert row["scores"][key]["median"] == pytest.approx(np.mean(values))
    assert "to" in written(tmp_path / "report.html").text

    with pytest.raises(UserError, match=r"gan-seed0 is there already, with a budget or networks"):
        compare_recipes(["gan"], "digits", tmp_path, **{**asked, "images": 256})


@pytest.mark.slow
def test_variants_of_a_recipe_are_compared_with_one_another(tmp_path):
    asked = ["gan", "gan:loss=hinge:gamma=0"]
    report = compare_recipes(asked, "digits", tmp_path / "out", images=192, settings={"gan": TINY})
    assert [row["settings"].get("loss") for row in report["rows"]] == [None, "hinge"]
    assert len({row["label"] for row in report["rows"]}) == 2
    assert (tmp_path / "out" / "gan-loss=hinge-gamma=0-seed0" / "evaluation.json").exists()
    for wrong, message in (("gan:loss", "has no value"), ("gan:lost=1", "no option 'lost'"), ("gun", "no recipe")):
        with pytest.raises(UserError, match=message):
            compare_recipes([wrong], "digits", tmp_path / "no", images=192)


def test_a_run_stopped_by_a_guard_is_compared_as_it_stood(tmp_path, monkeypatch, runs):
    def fault(recipe, data, out, **kwargs):
        shutil.copytree(runs[1], out)
        raise Fault("loss nan")

    monkeypatch.setattr("aegean.report.compare.train", fault)
    report = compare_recipes(["gan"], "digits", tmp_path / "out", images=192, settings={"gan": TINY})
    assert report["warnings"][0] == "gan-seed0 was stopped by a guard: loss nan."


@pytest.mark.slow
def test_columns_of_a_table_are_drawn(tmp_path, monkeypatch):
    from aegean.metrics.features import feature_network

    monkeypatch.setattr("aegean.session.evaluate.feature_network", feature_network)
    rows = np.random.default_rng(0).normal(size=(200, 2))
    names = "$height,<b>"
    np.savetxt(tmp_path / "points.csv", rows, delimiter=",", header=names, comments="")
    compare_recipes(["vae"], str(tmp_path / "points.csv"), tmp_path / "out", images=192, settings={"vae": TINY})
    page = written(tmp_path / "out" / "report.html")
    assert "img" not in {tag for tag, _ in page.tags}
    assert "$height" in page.text
