"""Audits: of made features with a planted leak or none; of tiny runs through the command; and what is refused."""

import json
import shutil

import numpy as np
import pytest

import aegean
from aegean.config import UserError
from aegean.data.sets.canaries import canaries, with_canaries
from aegean.formulas.membership import told
from aegean.integrations.card import card, read_source
from aegean.trust.attacks import blind, by_samples
from aegean.trust.copying import copying
from aegean.trust.records import chosen_records


def cloud(n, seed, d=6):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_attacks_find_members_beside_which_samples_lie_and_nothing_else():
    members, others, reference = cloud(300, 0), cloud(300, 1), cloud(300, 2)
    leaky = members[np.arange(1500) % 300] + 0.2 * cloud(1500, 3)
    for name, scores in by_samples(members, others, reference, leaky).items():
        assert told(*scores).interval[0] > 0.6, name
    for name, scores in by_samples(members, others, reference, cloud(1500, 4)).items():
        low, high = told(*scores, 0.001).interval
        assert low < 0.5 < high, name


def test_a_held_out_part_unlike_the_training_part_is_told_without_the_model():
    assert told(*blind(cloud(300, 0), cloud(300, 1) + 0.5, 0)).interval[0] > 0.6
    low, high = told(*blind(cloud(300, 0), cloud(300, 1), 0), 0.001).interval
    assert low < 0.5 < high


def test_planted_copies_are_seen_from_the_share_on_that_is_named():
    found = copying(cloud(2000, 0), cloud(500, 1), cloud(200, 2), level=0.005, seed=0)
    shares = [row["share"] for row in found.planted]
    assert shares == [0, 0.001, 0.01, 0.1]
    assert not found.planted[0]["seen_exact"] and found.planted[3]["seen_exact"] and found.planted[3]["seen_near"]
    assert found.smallest["exact"] is not None and 2 < found.smallest["exact"] <= 60
    assert found.memorised == pytest.approx(found.floor, abs=0.15)


def test_copies_of_the_training_data_are_found():
    train = cloud(500, 1)
    found = copying(train[np.arange(1000) % 500], train, cloud(300, 2), level=0.005, seed=0)
    assert found.planted[0]["seen_exact"] and found.smallest == {"exact": None, "near": None}
    assert found.memorised == 1 and found.z < -5


@pytest.fixture
def copied(tiny_runs, tmp_path):
    """A copy of a tiny run, to be spoilt."""

    def copy(name):
        return shutil.copytree(tiny_runs / name, tmp_path / name)

    return copy


@pytest.mark.parametrize("run", ["vae", "ae", "cgan", "rows"])
def test_a_report_has_its_controls_on_every_kind(tiny_runs, tmp_path, done, run):
    out = tmp_path / "audit.html"
    answer = json.loads(done("audit", tiny_runs / run, "--count", 1000, "--out", out, "--json"))
    assert json.loads(out.with_suffix(".json").read_text()) == answer
    page = out.read_text()
    assert "no formal guarantee" in page and "What this cannot see" in page and "NaN" not in page
    assert answer["false_members"]["audits"] == 40 and answer["false_members"]["alarms"] <= 6
    names = {one["name"] for one in answer["attacks"]}
    assert ("reconstruction" in names) == (run != "cgan") and ("logit" in names) == (run == "cgan")
    if run == "ae":
        assert answer["copies"] is None and answer["samples"] == 0
    else:
        assert {"nearest", "within_reach", "densities"} <= names
        assert answer["copies"]["planted"][3]["seen_exact"]
    assert answer["card"].startswith("## Audit") and "no formal guarantee" in answer["card"]


def test_a_card_holds_the_audit_of_this_very_model(copied, done, tmp_path, capfd):
    run = copied("vae")
    done("audit", run, "--count", 200, "--out", run / "audit.html")
    assert "## Audit of memorisation" in card(read_source(run), "ada/x", "mit", {})
    shutil.copy(tmp_path / "vae" / "audit.json", other := copied("ae"))
    assert "Audit" not in card(read_source(other), "ada/x", "mit", {}) and "no audit of this" in capfd.readouterr().err


def test_the_same_seed_gives_the_same_audit(tiny_runs, done):
    one, other = (json.loads(done("audit", tiny_runs / "vae", "--count", 500, "--json")) for _ in range(2))
    assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_what_cannot_be_audited_is_refused_with_what_still_can_be_done(copied, tmp_path, refused):
    run = copied("rows")
    config = run / "config.json"
    config.write_text(config.read_text().replace("plane.csv", "gone.csv"))
    assert "aegean attack" in refused("audit", run)
    shutil.copy(run / "model.safetensors", tmp_path / "alone.safetensors")
    assert "data" in refused("audit", tmp_path / "alone.safetensors")
    assert "--out" in refused("audit", run, "--out", tmp_path / "audit.pdf")


def test_few_held_out_records_are_refused(tmp_path):
    np.savetxt(tmp_path / "few.csv", cloud(60, 0, 2), delimiter=",", header="x,y", comments="")
    with pytest.raises(UserError, match="held-out records; at least 20"):
        chosen_records(aegean.open_data(str(tmp_path / "few.csv")), 0)


def test_canaries_are_made_of_held_out_values_and_stand_behind_the_training_part_as_often_as_said():
    dataset = aegean.open_data("digits")
    found, more = canaries(dataset, 60, 3), with_canaries(dataset, 60, 3)
    assert np.array_equal(canaries(dataset, 60, 3).raw, found.raw) and 15 < found.inside.sum() < 45
    added = more.train[len(dataset.train) :]
    assert len(added) == found.repeats[found.inside].sum() and len(more.train_labels) == len(more.train)
    one = int(np.flatnonzero(found.inside & (found.repeats == 16))[0])
    assert (added == found.raw[one]).all((1, 2, 3)).sum() == 16
    assert with_canaries(dataset, 0, 3) is dataset and more.info == dataset.info
    assert np.isin(found.raw[:, 0, 3, 3], dataset.test[:, 0, 3, 3]).all()


@pytest.mark.slow
def test_a_run_that_remembers_its_canaries_is_told_and_one_of_a_hundred_records(tmp_path, done, refused):
    settings = {"network": "mlp", "beta": 0.01, "canaries": 60}
    aegean.train("vae", "digits", tmp_path / "run", images=4_000, settings=settings)
    answer = json.loads(done("audit", tmp_path / "run", "--count", 200, "--few", "--json"))
    few, birds = answer["few"], answer["canaries"]
    assert few["records"] == 100 and few["auc"] > 0.7 and few["p"] < 1e-6
    assert birds["count"] == 60 and {one["name"] for one in birds["attacks"]} == {"reconstruction", "nearest"}
    best = next(one for one in birds["attacks"] if one["name"] == "reconstruction")
    assert best["by_repeats"]["16"] > 0.7 and best["by_repeats"].keys() == {"1", "4", "16"}
    said = refused("train", "vae", "--data", "digits", "--set", "canaries=some", "--out", tmp_path / "x")
    assert "canaries" in said


@pytest.mark.slow
def test_texts_and_mixed_rows_are_audited_but_not_attacked(tmp_path, done, refused):
    rng = np.random.default_rng(0)
    words = rng.choice(["a cat", "the dog", "one hen"], 400), rng.choice(["ran", "sat", "saw it"], 400)
    lines = [f"{who} {what} {rng.integers(1000)}." for who, what in zip(*words)]
    (tmp_path / "lines.txt").write_text("\n".join(lines))
    rows = [f"{rng.integers(90)},{job},{rng.normal():.3f}" for job in rng.choice(["x", "y"], 400)]
    (tmp_path / "mixed.csv").write_text("\n".join(["age,job,pay", *rows]))
    for name, said in {"lines.txt": "words cannot be moved a little", "mixed.csv": "coded cannot be moved"}.items():
        run = tmp_path / f"run-{name}"
        aegean.train("vae", str(tmp_path / name), run, images=64, settings={"batch": 16, "width": 4, "latent": 4})
        answer = json.loads(done("audit", run, "--count", 300, "--out", tmp_path / f"{name}.html", "--json"))
        assert {"nearest", "reconstruction"} <= {one["name"] for one in answer["attacks"]}
        assert answer["copies"]["planted"][0]["p_exact"] > 0.001
        page = (tmp_path / f"{name}.html").read_text()
        assert "<td>y</td>" in page and "<th>job</th>" in page if name == "mixed.csv" else page.count("<ol") == 3
        assert said in refused("attack", run)


@pytest.mark.slow
def test_a_run_without_canaries_is_trained_once_more_with_some(tiny_runs, done):
    answer = json.loads(done("audit", tiny_runs / "vae", "--count", 200, "--canaries", 20, "--json"))
    assert answer["canaries"]["count"] == 20
