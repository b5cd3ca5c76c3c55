"""Commands: how a run was made, and what to try next with these runs and data."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from aegean.data import DataOptions
from aegean.data.kinds import kind_of as kind_of_data
from aegean.data.read.built_in import BUILT_IN
from aegean.nets.kinds import kind_of
from aegean.report import bottleneck
from aegean.report.ranking import ranked
from aegean.report.runs import Entry
from aegean.report.tables import number, plain
from aegean.report.verdict import COLLAPSED, ERRORS
from aegean.training.folder import Folder

LOST = 0.8  # the best Fréchet distance on the way, in parts of the last
ADVERSARIAL = ("gan", "vae_gan", "ae_to_gan")
Step = tuple[str, tuple[Any, ...]]  # why, and the words of a command


def data_words(data: DataOptions) -> list[str]:
    """The data as the command line names them."""
    words = ["--data", data.spec]
    for field in dataclasses.fields(data):
        value, name = getattr(data, field.name), f"--{field.name.replace('_', '-')}"
        if field.name == "spec" or not value:
            continue
        words += [name, *(f"{end:g}" for end in value)] if field.name == "range" else [name]
        words += [] if value is True or field.name == "range" else [str(value)]
    return words


def train_command(entry: Entry) -> str:
    """The command that makes this run again."""
    plan = entry.plan
    words = ["aegean", "train", plan.recipe, *data_words(plan.data)]
    words += ["--images", str(plan.images), "--seed", str(plan.run.seed)]
    if plan.inherited:
        words += ["--from", str(plan.inherited.get("source", ""))]
    for name, value in plan.settings.items():
        words += ["--batch", str(value)] if name == "batch" else ["--set", f"{name}={plain(value)}"]
    return shlex.join([*words, "--out", str(entry.path)])


def next_steps(report: dict[str, Any], groups: Sequence[Sequence[Entry]]) -> list[dict[str, str]]:
    """Commands for these data and runs, each with its reason."""
    metrics = {metric["metric"]: metric for metric in report["metrics"]}
    error = next((metrics[name] for name in ERRORS if name in metrics), None)
    run = {row["label"]: group[0] for row, group in zip(report["rows"], groups)}
    samplers = [row["label"] for row in ranked(report, metrics["fd"])] if "fd" in metrics else []
    exact = [row["label"] for row in ranked(report, error)] if error else []
    late = [entry for group in groups for entry in group if not entry.finished]
    words: list[Step] = [(f"Finish {entry.path.name}", ("train", "--resume", entry.path)) for entry in late]
    words += _own_data(run[(samplers or exact or list(run))[0]])
    if samplers:
        best = run[samplers[0]]
        written = f"samples{written_as(best)}"
        words.append((f"More samples of {samplers[0]}", ("sample", best.path, "--count", 64, "--out", written)))
        if best.plan.run.wiring not in ("standard", "text"):
            words.append(
                (
                    f"What level 0 of {samplers[0]} controls",
                    ("sample", best.path, "--resample", 0, "--count", 8, "--out", "redrawn.png"),
                )
            )
        longer = ("train", "--resume", best.path, "--images", 2 * best.plan.images)
        words.append((f"Twice the budget for {samplers[0]}", longer))
        words += _mended(report, run, metrics["fd"])
    words += [better for label in samplers if (better := _earlier(label, run[label]))]
    words += _pictures(run)
    if exact and "U" not in run[exact[0]].plan.run.nets:
        path = run[exact[0]].path
        words.append(
            (
                f"Your own data through {exact[0]}",
                ("reconstruct", path, "INPUT", "--out", f"pairs{written_as(run[exact[0]])}"),
            )
        )
        words.append((f"Latents of {exact[0]}", ("encode", path, "INPUT", "--out", "latents.npz")))
    for label in run:
        if label not in samplers and "U" not in run[label].plan.run.nets:
            words.append(
                (f"Let {label} sample: fit a prior to its latents", ("fit", run[label].path, "--prior", "mixture"))
            )
    words += _trainings(report, run)
    for parent in dict.fromkeys(entry.path.parent for group in groups for entry in group):
        words.append(("Every loss along the way", ("tensorboard", "--logdir", parent)))
    return [
        {"why": why, "command": shlex.join(map(str, command if command[0] == "tensorboard" else ("aegean", *command)))}
        for why, command in words
    ]


def written_as(entry: Entry) -> str:
    """The ending of a file that samples can be looked at in."""
    kind = kind_of_data(entry.plan.info)
    return ".txt" if ".txt" in kind.files else ".png"


def _own_data(best: Entry) -> Iterator[Step]:
    """From data that aegean brings along to the reader's own."""
    data = best.plan.data
    if data.spec in BUILT_IN:
        own = f"On your own {kind_of_data(best.plan.info).samples}, in the place of FOLDER"
        yield own, ("train", best.plan.recipe, "--data", "FOLDER", "--out", "runs/own")


def _pictures(run: dict[str, Entry]) -> Iterator[Step]:
    """Of restorers and translators: the reader's own pictures."""
    for label, entry in run.items():
        nets = entry.plan.run.nets
        if "damage" in nets:
            more = ["--mask", "MASKS"] if "token" in nets else []
            restore = ("restore", entry.path, "FOLDER", *more, "--out", "restored/", "--compare")
            yield f"Your own images through {label}", restore
        elif "U" in nets:
            yield f"Your own images through {label}", ("translate", entry.path, "FOLDER", "--out", "translated/")


def _mended(report: dict[str, Any], run: dict[str, Entry], fd: dict[str, Any]) -> Iterator[Step]:
    """For each autoencoder that samples: against what holds its samples back."""
    for row in report["rows"]:
        label, entry = row["label"], run[row["label"]]
        if not entry.encodes or "D" in entry.parameters or entry.plan.run.wiring != "standard":
            continue
        held = bottleneck.of_row(row, fd)
        if held == "prior":
            better = "mapping" if entry.plan.prior == "mixture" else "mixture"
            yield f"The prior of {label} is what holds it back", ("fit", entry.path, "--prior", better)
        elif held == "decoder":
            data = [*data_words(entry.plan.data), "--images", 2 * entry.plan.images]
            command = ("train", "ae_to_gan", *data, "--from", entry.path, "--out", f"{row['runs'][0]}-gan")
            yield f"The decoder of {label} is what holds it back: an adversary", command


def _earlier(label: str, entry: Entry) -> Step | None:
    """The best state along the way, where the run has lost much since."""
    values = [score["value"] for _, _, score in entry.points("fd")]
    if not values or min(values) > LOST * values[-1] or not (best := Folder(entry.path).best).exists():
        return None
    why = f"{label} was better on the way ({number(min(values))}, now {number(values[-1])}); its best state is kept"
    return why, ("sample", best, "--count", 64, "--out", "best.png")


def _trainings(report: dict[str, Any], run: dict[str, Entry]) -> list[Step]:
    """New runs on the same data and budget."""
    coverage = next((metric for metric in report["metrics"] if metric["metric"] == "coverage"), None)
    recipes = list(dict.fromkeys(row["recipe"] for row in report["rows"]))
    data = [*data_words(next(iter(run.values())).plan.data), "--images", int(report["budget"]["images"][1])]
    steps: list[Step] = []
    for row in report["rows"]:
        if row["recipe"] in ADVERSARIAL and coverage and _collapsed(row, coverage):
            cures, why = ["--set", "pack=2"], f"{row['label']} covers little: show its discriminator pairs"
            if augment := kind_of(run[row["label"]].plan.info).augmentations[:2]:
                cures, why = [*cures, "--set", f"augment={','.join(augment)}"], f"{why}, and augment what it sees"
            steps.append((why, ("train", row["recipe"], *data, *cures, "--out", f"{row['runs'][0]}-cured")))
    if "gan" in recipes and "ae_to_gan" not in recipes:
        steps.append(("Start the GAN from an autoencoder", ("train", "ae_to_gan", *data, "--out", "ae_to_gan")))
    if max(len(row["seeds"]) for row in report["rows"]) == 1 and len(recipes) > 1:
        names = ",".join(recipes)
        words = ("compare", "--recipes", names, *data, "--seeds", 3, "--out", "three-seeds")
        steps.append(("Know what is luck: three seeds of each", words))
    return steps


def _collapsed(row: dict[str, Any], coverage: dict[str, Any]) -> bool:
    score = row["scores"].get(coverage["key"])
    return score is not None and score["median"] < COLLAPSED * coverage["floor"]
