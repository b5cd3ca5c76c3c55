"""The numbers of a report, against sums done by hand."""

import dataclasses
from pathlib import Path

import pytest

from aegean.data import DataInfo, DataOptions
from aegean.recipes import smoke
from aegean.report import bottleneck, tables
from aegean.report.curves import _curves
from aegean.report.meanings import METRICS, metric_of
from aegean.report.page import WIDE, cell, score_tables
from aegean.report.ranking import ranked
from aegean.report.runs import Entry
from aegean.report.steps import data_words, next_steps, train_command
from aegean.report.verdict import verdict, warnings
from aegean.training.settings import Settings

INFO = DataInfo("dots", (1, 8, 8), (127.5,), (127.5,), count=100, test_count=50, fingerprint="f")
FD, COVERAGE, MEMORISED, PSNR = "fd@dots:50", "coverage@dots:50", "memorised@dots:50", "psnr@test:50"
FLOORS = {FD: (1.0, "lower"), COVERAGE: (0.9, "higher"), MEMORISED: (0.4, "lower"), PSNR: (100.0, "higher")}


def entry(
    recipe,
    seed=0,
    images=320,
    seconds=10.0,
    lines=(),
    inherited=None,
    settings=None,
    path=None,
    data="dots.npz",
    **scores,
):
    """A run with these scores: fd=..., coverage=..., psnr=..."""
    keys = {key.split("@")[0]: key for key in FLOORS}
    found = {
        keys[name]: {"value": value, "floor": FLOORS[keys[name]][0], "better": FLOORS[keys[name]][1]}
        for name, value in scores.items()
    }
    inherited = inherited or {}
    run = smoke(recipe, INFO, steps=20).replace(seed=seed)
    plan = Settings(recipe, settings or {}, DataOptions(data), INFO, run, inherited=inherited)
    total = images + inherited.get("images", 0)
    return Entry(Path(path or f"{recipe}-{seed}"), plan, list(lines), found, total, seconds, {"G": 10, "D": 5})


def report_of(*entries):
    return tables.table(entries), list(tables.grouped(entries).values())


def test_medians_and_spread_over_seeds():
    values = [5.0, 3.0, 10.0]
    report, _ = report_of(*(entry("gan", seed, fd=v, seconds=v) for seed, v in enumerate(values)))
    (row,) = report["rows"]
    assert row["scores"][FD] == {"median": 5.0, "min": 3.0, "max": 10.0, "values": values}
    assert row["seeds"] == [0, 1, 2]
    assert row["seconds"]["median"] == 5.0
    report, _ = report_of(entry("gan", 0, fd=1.0), entry("gan", 1, fd=4.0))
    assert report["rows"][0]["scores"][FD]["median"] == 2.5


def test_rows_keep_the_order_given_and_have_names_of_their_own():
    entries = [
        entry("vae", 0, psnr=1.0),
        entry("gan", 1, fd=2.0),
        entry("gan", 0, fd=3.0),
        entry("gan", 0, fd=3.0, settings={"pack": 2}, path="packed"),
        entry("gan", 0, fd=3.0, settings={"pack": 2}, path="again"),
    ]
    report, groups = report_of(*entries)
    assert [row["label"] for row in report["rows"]] == ["vae", "gan", "gan (packed)", "gan (again)"]
    assert [e.plan.run.seed for e in groups[1]] == [0, 1]
    report, _ = report_of(*entries[1:4])
    assert [row["label"] for row in report["rows"]] == ["gan", "gan (pack=2)"]


def test_inherited_cost_is_counted():
    given = {"images": 1000, "seconds": 7.0, "recipe": "vae", "source": "vae-0"}
    lines = [{"kind": "eval", "images": 1320, "seconds": 3.0, "phase": "adversarial", "scores": {}}]
    late = entry("ae_to_gan", inherited=given, lines=lines, fd=1.0)
    report, _ = report_of(late, entry("gan", fd=2.0))
    assert report["rows"][0]["images"]["median"] == 1320
    assert report["rows"][0]["inherited_images"] == 1000
    assert not report["budget"]["equal_images"]
    words = " ".join(report["budget"]["words"])
    assert "not equal" in words and "320 (gan)" in words and "trained vae" in words and "1,000 images" in words
    assert late.phases() == [("inherited", 0, 0.0), ("adversarial", 1000, 7.0)]
    assert "--from vae-0" in train_command(late)


def test_equal_budgets_are_said_to_be_equal():
    report, _ = report_of(entry("gan", fd=2.0, images=10_000), entry("vae", fd=3.0, images=10_050))
    assert report["budget"]["equal_images"]
    assert "Equal budgets" in report["budget"]["words"][0]


def test_the_verdict_names_winner_floor_and_scratch_gan():
    report, _ = report_of(
        entry("gan", fd=9.0, coverage=0.3), entry("vae", fd=5.0, coverage=0.5, psnr=17.0), entry("ae_to_gan", fd=3.0)
    )
    text = verdict(report)
    assert text[0].startswith("ae_to_gan makes the samples nearest to real data: Fréchet distance 3, where real data")
    assert "reach 1 " in text[0] and "vae comes next with 5 (1.7 times as much)." in text[0]
    assert "gan, the GAN from scratch, reaches 9 (3 times as much)." in text[0]
    assert text[1].startswith("vae shows the most variety: its samples cover 50% of the held-out data")
    assert "still missing" in text[1]
    assert "one seed" in text[-1]
    assert text[2].startswith("Only vae reconstructs: 17 dB")
    report, _ = report_of(entry("gan", fd=2.0), entry("vae", fd=3.0))
    assert verdict(report)[0].startswith("gan, the GAN from scratch, makes the samples nearest")
    report["data"]["test_count"] = 8
    assert "Only 8 held-out samples" in verdict(report)[-2]


@pytest.mark.parametrize("second, words", [([5.0, 6.0], "larger than the spread"), ([3.5, 6.0], "may be chance")])
def test_the_verdict_weighs_differences_against_the_spread(second, words):
    report, _ = report_of(
        *(entry("vae", seed, fd=v) for seed, v in enumerate([3.0, 4.0])),
        *(entry("gan", seed, fd=v) for seed, v in enumerate(second)),
    )
    assert words in verdict(report)[0]


@pytest.mark.parametrize(
    "metric, floor, better, values, best",
    [
        ("memorised", 0.378, "lower", [0.055, 0.40], 1),
        ("recall", 0.798, "higher", [0.937, 0.75], 1),
        ("precision", 0.80, "higher", [0.97, 0.79, 0.2], 1),
        ("density", 1.0, "higher", [1.6, 0.9], 1),
        ("coverage", 0.9, "higher", [0.5, 0.93], 1),
        ("fd", 1.0, "lower", [0.1, 1.2], 1),
        ("kd", -0.0002, "lower", [-0.02, 0.001], 1),
        ("mode_kl", 0.006, "lower", [0.004, 0.2], 0),
        ("psnr", 100.0, "higher", [20.0, 22.0], 1),  # an exact copy cannot be passed
        ("rfd", 0.0, "lower", [3.0, 2.0], 1),
        ("probe", 0.9, "higher", [0.99, 0.91], 0),  # the raw values can
        ("mig", 0.1, "higher", [0.5, 0.12], 0),
        ("bits", None, "higher", [-75.0, -71.0], 1),
    ],
)
def test_the_best_sample_score_is_the_nearest_to_real_data_and_every_other_the_highest_or_lowest(
    monkeypatch, metric, floor, better, values, best
):
    key = f"{metric}@dots:50"
    monkeypatch.setitem(FLOORS, key, (floor, better))
    recipes = ("gan", "vae", "ae")
    report, _ = report_of(*(entry(r, **{metric: v}) for r, v in zip(recipes, values)))
    (found,) = report["metrics"]
    assert [cell(row, found, report)["best"] for row in report["rows"]] == [n == best for n in range(len(values))]
    assert ranked(report, found)[0] is report["rows"][best]


def test_a_tie_has_two_best_and_one_row_has_none():
    report, _ = report_of(entry("gan", memorised=0.3), entry("vae", memorised=0.3))
    assert [cell(row, report["metrics"][0], report)["best"] for row in report["rows"]] == [True, True]
    report, _ = report_of(entry("gan", memorised=0.3))
    assert not cell(report["rows"][0], report["metrics"][0], report)["best"]


def test_no_table_is_wider_than_a_page_and_rows_without_a_score_are_left_out(monkeypatch):
    names = [f"probe@level{n}" for n in range(23)]
    for name in names:
        monkeypatch.setitem(FLOORS, f"{name}:50", (0.9, "higher"))
    made = entry("vae", fd=2.0)
    made.scores.update({f"{name}:50": {"value": 0.5, "floor": 0.9, "better": "higher"} for name in names})
    report, _ = report_of(made, entry("gan", fd=3.0))
    found = score_tables(report)
    assert [(part["of"], len(part["metrics"])) for part in found] == [
        ("samples", 1), ("features", WIDE), ("features", WIDE), ("features", 3)
    ]  # fmt: skip
    assert [[row["number"] for row in part["rows"]] for part in found] == [[0, 1], [0], [0], [0]]
    assert [m["key"] for part in found[1:] for m in part["metrics"]] == [f"{name}:50" for name in names]


def test_warnings_say_where_and_once():
    line = {"kind": "warning", "warning": "collapse", "phase": "adversarial", "seconds": 1.0, "text": "it fell"}
    lines = [{**line, "images": 64}, {**line, "images": 128}]
    report, groups = report_of(entry("gan", images=160, lines=lines, fd=1.0))
    assert warnings(report, groups) == ["gan is unfinished: 160 of 320 images.", "gan, at 64 images: it fell."]


def test_samples_that_look_copied_are_warned_of_by_name_and_others_are_not():
    honest, copier = entry("vae", fd=1.0, memorised=0.45), entry("gan", fd=1.0, memorised=0.96)
    (text,) = warnings(*report_of(honest, copier))
    assert text.startswith("gan may have memorised: 96% of its samples are nearer to a training image")
    assert "of real data 40%" in text


@pytest.mark.parametrize("key", ["memorised@x:abc", "memorised", "fd", "odd@", "fd@a:0", "", "<b>@<i>:3"])
@pytest.mark.parametrize("value", [0.5, float("nan"), float("inf"), -1e308])
@pytest.mark.parametrize("floor", [None, 0.0, float("nan")])
def test_any_score_that_a_file_may_hold_is_put_into_words(key, value, floor):
    runs = [entry("gan"), entry("vae")]
    for run in runs:
        run.scores[key] = {"value": value, "floor": floor, "better": "lower"}
    report, groups = report_of(*runs)
    assert verdict(report) and warnings(report, groups) is not None and score_tables(report)
    assert next_steps(report, groups)


@pytest.mark.parametrize(
    ("value", "line", "found"),
    [
        (9.0, 1.1, "prior"), (9.0, 8.5, "decoder"), (9.0, 3.0, "prior"), (9.0, 6.0, "decoder"), (6.0, 9.0, "beyond"),
        (1.1, 1.05, ""), (1.4, 1.1, "prior"),
    ],
)  # fmt: skip
def test_what_holds_samples_back(value, line, found):
    assert bottleneck.bottleneck(value, line, 1.0) == found


def lined(recipe, line, nets=("E", "G"), **kwargs):
    """A run whose samples stand beside a line."""
    made = entry(recipe, **kwargs)
    made.scores[FD]["line"] = line
    return dataclasses.replace(made, parameters=dict.fromkeys(nets, 10), encodes=True)


def test_the_report_says_what_holds_samples_back_and_what_to_try():
    report, groups = report_of(
        lined("vae", 1.1, fd=9.0, path="a"),
        lined("beta_vae", 8.0, fd=9.5, path="b"),
        lined("vae_gan", 8.0, ("E", "G", "D"), fd=9.0),
        entry("gan", fd=5.0),
    )
    assert [row["line"].get(FD, {}).get("median") for row in report["rows"]] == [1.1, 8.0, 8.0, None]
    prior, decoder, adversarial = bottleneck.sentences(report)
    assert prior.startswith("vae: a perfect prior would bring its samples from 9 to 1.1")
    assert decoder.startswith("beta_vae: no prior would bring its samples (9.50) below 8,") and "ae_to_gan" in decoder
    assert "ae_to_gan" not in adversarial
    assert set(verdict(report)) > {prior, decoder, adversarial}
    commands = [step["command"] for step in next_steps(report, groups)]
    assert "aegean fit a --prior mixture" in commands
    assert any(c.startswith("aegean train ae_to_gan") and "--from b --out b-gan" in c for c in commands)
    assert not any("--from a" in c for c in commands)


def handed_over(before, line, ended, key=FD):
    """The lines of a run of which a phase began with what was handed over."""
    place = {"kind": "eval", "phase": "adversarial", "seconds": 1.0}

    def score(value, **marks):
        return {key: {"value": value, "floor": 1.0, "better": "lower", **marks}}

    begun = {**place, "images": 160, "hand_over": True, "scores": score(before, line=line)}
    return [{**place, "images": 160, "scores": score(14.4)}, begun, {**place, "images": 320, "scores": score(ended)}]


@pytest.mark.parametrize(
    ("before", "line", "ended", "words"),
    [(8.0, 2.2, 1.8, "has passed"), (8.0, 2.2, 2.9, "a better prior"), (1.7, 1.5, 1.9, "gained nothing")],
)
def test_a_hand_over_is_a_row_of_its_own(before, line, ended, words):
    lines = handed_over(before, line, ended)
    report, groups = report_of(entry("ae_to_gan", fd=ended, lines=lines), entry("gan", fd=5.0))
    begun = report["rows"][0]["hand_over"]
    assert begun["phase"] == "adversarial" and begun["images"]["median"] == 160
    assert begun["scores"][FD]["median"] == before and begun["line"][FD]["median"] == line
    assert report["rows"][1]["hand_over"] is None
    (table,) = score_tables(report)
    assert [(row["below"], row["cells"][0]["text"]) for row in table["rows"]] == [
        (False, tables.number(ended)), (True, tables.number(before)), (True, tables.number(line)), (False, "5"),
    ]  # fmt: skip
    assert words in " ".join(bottleneck.sentences(report))
    (curve,) = _curves(0, groups[0], "fd", 0)
    assert curve.y == [14.4, before, ended] and curve.handed_over == [1] and curve.line[1] == line


def test_a_hand_over_measured_on_fewer_samples_says_so():
    lines = handed_over(8.0, 2.2, 1.8, FD.replace(":50", ":20"))
    report, _ = report_of(entry("ae_to_gan", fd=1.6, lines=lines))
    _, before, _ = score_tables(report)[0]["rows"]
    assert before["cells"][0] == {"text": "8", "range": "of 20 samples", "best": False}
    assert "from" not in (words := " ".join(bottleneck.sentences(report))) and "ended at 1.80" in words


def test_next_steps_fit_the_runs():
    report, groups = report_of(
        entry("ae", psnr=20.0, path="my runs/ae"), entry("gan", fd=9.0, coverage=0.2, path="my runs/gan")
    )
    commands = [step["command"] for step in next_steps(report, groups)]
    assert "aegean fit 'my runs/ae' --prior mixture" in commands
    assert "aegean sample 'my runs/gan' --count 64 --out samples.png" in commands
    assert any("pack=2" in c and "augment=translation,cutout" in c for c in commands)
    assert any(c.startswith("aegean train ae_to_gan --data dots.npz") for c in commands)
    assert any("--seeds 3" in c for c in commands)
    assert "tensorboard --logdir 'my runs'" in commands


def test_the_data_of_a_command_are_those_of_the_run():
    data = DataOptions(
        "a/", test="c/", target="b/", test_target="d/", pairs="name", size=32, range=(0, 9), skip_bad=True
    )
    words = " ".join(data_words(data))
    assert words == ("--data a/ --test c/ --target b/ --test-target d/ --pairs name --size 32 --range 0 9 --skip-bad")
    assert data_words(DataOptions("a/", cut=64, rate=8000)) == ["--data", "a/", "--cut", "64", "--rate", "8000"]


def test_data_that_are_brought_along_lead_to_one_s_own():
    report, groups = report_of(entry("vae", fd=9.0, data="digits"), entry("ae_to_gan", fd=1.0, data="digits"))
    first, *_ = next_steps(report, groups)
    assert first["command"] == "aegean train ae_to_gan --data FOLDER --out runs/own" and "own images" in first["why"]
    report, groups = report_of(entry("vae", fd=9.0))
    assert not any("FOLDER" in step["command"] for step in next_steps(report, groups))


def test_numbers_for_people():
    assert [tables.number(v) for v in (None, float("nan"), 0.0, 12345.6, 0.01234, 9.999, 1e-5)] == [
        "-", "-", "0", "12,346", "0.0123", "10.0", "1.0e-05",
    ]  # fmt: skip
    assert [tables.compact(v) for v in (999, 30_016, 1_500_000)] == ["999", "30k", "1.5M"]
    assert [tables.duration(v) for v in (5.25, 59.96, 75, 7325)] == ["5.25 s", "1 min", "1 min 15 s", "2 h 2 min"]


def test_every_metric_has_a_sentence():
    from aegean.metrics.scores import DIRECTIONS

    own = {"mse", "psnr", "hole_psnr", "clean_psnr", "ssim", "mel", "lsd", "si_sdr", "words", "exact"}
    assert set(METRICS) == {*DIRECTIONS, *own}
    assert metric_of("sharp_hole_psnr@test:9").meaning == METRICS["hole_psnr"].meaning
