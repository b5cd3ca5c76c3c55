"""What the numbers say, in plain words, and what to try next. Nothing is claimed that the numbers do not show."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from aegean.report.runs import Entry
from aegean.report.tables import number, plain, whole

FIRST = {  # metric -> how its winner is announced
    "fd": "{best} makes the samples nearest to real data: Fréchet distance {value}, where real data reach {floor} "
    "(lower is better).",
    "coverage": "{best} shows the most variety: its samples cover {value} of the held-out data, where real data cover "
    "{floor} (higher is better).",
    "psnr": "{best} reconstructs most exactly: {value} dB (higher is better).",
    "mse": "{best} reconstructs most exactly: a mean squared error of {value} (lower is better).",
}
ALONE = {
    "fd": "Only {best} makes samples: Fréchet distance {value}, where real data reach {floor} (lower is better).",
    "coverage": "Its samples cover {value} of the held-out data, where real data cover {floor}.",
    "psnr": "Only {best} reconstructs: {value} dB.",
    "mse": "Only {best} reconstructs: a mean squared error of {value}.",
}
COLLAPSED = 0.6  # of what real data cover


def ranked(report: dict[str, Any], metric: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that have a metric, the best first."""
    rows = [row for row in report["rows"] if metric["key"] in row["scores"]]
    sign = -1 if metric["better"] == "higher" else 1
    return sorted(rows, key=lambda row: sign * row["scores"][metric["key"]]["median"])


def verdict(report: dict[str, Any]) -> list[str]:
    """Who is best at what, by how much, and whether that is more than chance."""
    sentences = []
    names = [metric["metric"] for metric in report["metrics"]]
    for name in ("fd", "coverage", "psnr" if "psnr" in names else "mse"):
        for metric in report["metrics"]:
            if metric["metric"] == name:
                sentences.append(_answer(report, metric))
                break
    if len(report["rows"]) > 1:
        sentences.append(chance(report))
    return sentences


def _answer(report: dict[str, Any], metric: dict[str, Any]) -> str:
    rows, key = ranked(report, metric), metric["key"]
    value = {row["label"]: row["scores"][key]["median"] for row in rows}
    best = rows[0]
    words = (FIRST if len(rows) > 1 else ALONE)[metric["metric"]]
    parts = [words.format(best=best["label"], value=number(value[best["label"]]), floor=number(metric["floor"]))]
    if len(rows) > 1:
        second = rows[1]
        parts.append(
            f"{second['label']} comes next with {number(value[second['label']])}{_beyond_chance(best, second, metric)}."
        )
        scratch = next((row for row in rows[2:] if row["recipe"] == "gan"), None)
        if scratch:
            parts.append(f"The GAN from scratch ({scratch['label']}) reaches {number(value[scratch['label']])}.")
    return " ".join(parts)


def _beyond_chance(best: dict[str, Any], second: dict[str, Any], metric: dict[str, Any]) -> str:
    """Do the ranges over seeds overlap?"""
    a, b = best["scores"][metric["key"]], second["scores"][metric["key"]]
    if min(len(a["values"]), len(b["values"])) < 2:
        return ""
    apart = a["max"] < b["min"] if metric["better"] == "lower" else a["min"] > b["max"]
    if apart:
        return "; the difference is larger than the spread over seeds"
    return "; their ranges over seeds overlap, so the order may be chance"


def chance(report: dict[str, Any]) -> str:
    counts = [len(row["seeds"]) for row in report["rows"]]
    if max(counts) == 1:
        return "Each was trained once, with one seed: a small difference may be luck. Repeat with `--seeds 3` to know."
    if min(counts) == 1:
        return "Some were trained with one seed only: how much of their score is luck is not known."
    return f"Numbers are medians over {min(counts)} seeds or more; the tables show the smallest and the largest too."


# what to try next


def train_command(entry: Entry) -> str:
    """The command that makes this run again."""
    plan, data = entry.plan, entry.plan.data
    words = ["aegean", "train", plan.recipe, "--data", data.spec]
    words += ["--images", str(plan.images), "--seed", str(plan.run.seed)]
    for name in ("test", "size", "channels", "axes"):
        if value := getattr(data, name):
            words += [f"--{name}", str(value)]
    if data.range:
        words += ["--range", *(f"{end:g}" for end in data.range)]
    if data.skip_bad:
        words.append("--skip-bad")
    if plan.inherited:
        words += ["--from", str(plan.inherited.get("source", ""))]
    for name, value in plan.settings.items():
        words += ["--batch", str(value)] if name == "batch" else ["--set", f"{name}={plain(value)}"]
    return shlex.join([*words, "--out", str(entry.path)])


def next_steps(report: dict[str, Any], groups: Sequence[Sequence[Entry]]) -> list[dict[str, str]]:
    """Commands for these data and runs, each with its reason."""
    rows = {row["label"]: (row, group) for row, group in zip(report["rows"], groups)}
    first = {row["label"]: group[0] for row, group in rows.values()}
    steps: list[dict[str, str]] = []

    def step(why: str, *words: str) -> None:
        steps.append({"why": why, "command": shlex.join(("aegean", *words) if words[0] != "tensorboard" else words)})

    by_name = {metric["metric"]: metric for metric in report["metrics"]}
    samplers = ranked(report, by_name["fd"]) if "fd" in by_name else []
    error = by_name.get("psnr", by_name.get("mse"))
    exact = ranked(report, error) if error else []
    for row, group in rows.values():
        if not row["finished"]:
            late = next(entry for entry in group if not entry.finished)
            step(f"Finish {row['label']}", "train", "--resume", str(late.path))
    if samplers:
        best = first[samplers[0]["label"]]
        step(
            f"More samples of {samplers[0]['label']}", "sample", str(best.path), "--count", "64", "--out", "samples.png"
        )
        longer = str(2 * best.plan.images)
        step("Twice the budget for the best sampler", "train", "--resume", str(best.path), "--images", longer)
    if exact:
        best = first[exact[0]["label"]]
        step(
            f"Reconstruct your own data with {exact[0]['label']}",
            "reconstruct",
            str(best.path),
            "INPUT",
            "--out",
            "pairs.png",
        )
        step("Take its latents", "encode", str(best.path), "INPUT", "--out", "latents.npz")
    for row, group in rows.values():
        if row not in samplers:
            step(
                f"Let {row['label']} sample: fit a prior to its latents",
                "fit",
                str(group[0].path),
                "--prior",
                "mixture",
            )
    spec, budget = report["data"]["spec"], str(int(report["budget"]["images"][1]))
    recipes = list(dict.fromkeys(row["recipe"] for row in report["rows"]))
    for row in samplers:
        if row["recipe"] in ("gan", "vae_gan", "ae_to_gan") and _collapsed(row, by_name.get("coverage")):
            cures = ["--set", "pack=2"]
            if len(report["data"]["shape"]) == 3:
                cures += ["--set", "augment=translation,cutout"]
            why = f"{row['label']} covers little: show its discriminator pairs, and augment what it sees"
            words = ["train", row["recipe"], "--data", spec, "--images", budget, *cures]
            step(why, *words, "--out", f"{row['runs'][0]}-cured")
    if "gan" in recipes and "ae_to_gan" not in recipes:
        step(
            "Start the GAN from an autoencoder",
            "train",
            "ae_to_gan",
            "--data",
            spec,
            "--images",
            budget,
            "--out",
            "ae_to_gan",
        )
    if max(len(row["seeds"]) for row in report["rows"]) == 1 and len(recipes) > 1:
        step("Know what is luck: three seeds of each", "compare", "--recipes", ",".join(recipes), "--data", spec,
             "--images", budget, "--seeds", "3", "--out", "three-seeds")  # fmt: skip
    for parent in dict.fromkeys(str(entry.path.parent) for group in groups for entry in group):
        step("Every loss along the way", "tensorboard", "--logdir", parent)
    return steps


def _collapsed(row: dict[str, Any], coverage: dict[str, Any] | None) -> bool:
    return bool(coverage) and row["scores"][coverage["key"]]["median"] < COLLAPSED * coverage["floor"]  # type: ignore[index]


def warnings(report: dict[str, Any], groups: Sequence[Sequence[Entry]]) -> list[str]:
    """What went wrong in the runs: unfinished ones, and the warnings raised in training."""
    found = []
    for row, group in zip(report["rows"], groups):
        for entry in group:
            name = f"{row['label']} (seed {entry.plan.run.seed})" if len(group) > 1 else row["label"]
            if not entry.finished:
                found.append(f"{name} is unfinished: {whole(entry.images)} of {whole(entry.plan.images)} images.")
            found += [f"{name}, at {whole(images)} images: {text}." for images, text in entry.warnings()]
    return found
