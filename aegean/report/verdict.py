"""What the numbers say, in plain words. Nothing is claimed that they do not show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aegean.formulas.memorisation import memorises
from aegean.metrics.scores import count_of
from aegean.report import bottleneck
from aegean.report.ranking import apart, ranked
from aegean.report.runs import Entry
from aegean.report.tables import number, whole

FIRST = {  # metric -> how its winner is announced
    "fd": "{best} makes the samples nearest to real data: Fréchet distance {value}, where real data reach {floor} "
    "(lower is better).",
    "coverage": "{best} shows the most variety: its samples cover {value} of the held-out data, where real data cover "
    "{floor}.",
    "psnr": "{best} reconstructs most exactly: {value} dB (higher is better).",
    "mel": "{best} reconstructs nearest to the ear: a mel distance of {value} (lower is better).",
    "mse": "{best} reconstructs most exactly: a mean squared error of {value} (lower is better).",
    "words": "{best} reconstructs most exactly: {value} of the words are back in their places.",
}
ALONE = {
    "fd": "Only {best} makes samples: Fréchet distance {value}, where real data reach {floor} (lower is better).",
    "coverage": "Its samples cover {value} of the held-out data, where real data cover {floor}.",
    "psnr": "Only {best} reconstructs: {value} dB (higher is better).",
    "mel": "Only {best} reconstructs: a mel distance of {value}.",
    "mse": "Only {best} reconstructs: a mean squared error of {value}.",
    "words": "Only {best} reconstructs: {value} of the words are back in their places.",
}
ERRORS = ("psnr", "mel", "mse", "words")  # of reconstructions; the first that there is says most
FEW = 100  # held-out samples
COLLAPSED = 0.6  # of what real data cover


def verdict(report: dict[str, Any]) -> list[str]:
    """Who is best at what, by how much, what holds each back, and whether differences are more than chance."""
    sentences = []
    names = [metric["metric"] for metric in report["metrics"]]
    for name in ("fd", "coverage", *[error for error in ERRORS if error in names][:1]):
        for metric in report["metrics"]:
            if metric["metric"] == name:
                sentences.append(_answer(report, metric))
                break
    sentences += bottleneck.sentences(report)
    if len({str(row["damage"]) for row in report["rows"] if row["damage"]}) > 1:
        sentences.append("These restorers repair different damage, so their errors say nothing about which is better.")
    if (held := report["data"]["test_count"]) < FEW:
        sentences.append(f"Only {held} held-out samples were there to measure with: small differences are chance.")
    if len(report["rows"]) > 1:
        sentences.append(chance(report))
    return sentences


def _answer(report: dict[str, Any], metric: dict[str, Any]) -> str:
    rows, key, name = ranked(report, metric), metric["key"], metric["metric"]
    best, floor = rows[0], metric["floor"]
    words = (FIRST if len(rows) > 1 else ALONE)[name]
    value = best["scores"][key]["median"]
    parts = [words.format(best=_named(best), value=_shown(name, value), floor=_shown(name, floor))]
    if name == "coverage" and value < COLLAPSED * floor:
        parts.append("Much of the variety is still missing.")
    for place, row in enumerate(rows[1:], 2):
        gap = _gap(name, value, row["scores"][key]["median"])
        if place == 2:
            parts.append(f"{_named(row)} comes next with {gap}{_beyond_chance(best, row, metric)}.")
        elif row["recipe"] == "gan":
            parts.append(f"{_named(row)} reaches {gap}.")
    return " ".join(parts)


def _named(row: dict[str, Any]) -> str:
    return f"{row['label']}, the GAN from scratch," if row["recipe"] == "gan" else row["label"]


def _shown(name: str, value: float | None) -> str:
    return f"{value:.0%}" if name in ("coverage", "words") and value is not None else number(value)


def _gap(name: str, best: float, other: float) -> str:
    """Another value, and how far it stands from the best: "36.8 (2.3 times as much)"."""
    if name in ("fd", "mel", "mse") and best > 0:
        times = other / best
        return f"{number(other)} ({f'{times:.2g}' if times < 10 else whole(times)} times as much)"
    return f"{number(other)} dB" if name == "psnr" else _shown(name, other)


def _beyond_chance(best: dict[str, Any], second: dict[str, Any], metric: dict[str, Any]) -> str:
    """Do the ranges over seeds overlap?"""
    a, b = best["scores"][metric["key"]], second["scores"][metric["key"]]
    if min(len(a["values"]), len(b["values"])) < 2:
        return ""
    if apart(metric, best, second):
        return "; the difference is larger than the spread over seeds"
    return "; their ranges over seeds overlap, so the order may be chance"


def chance(report: dict[str, Any]) -> str:
    counts = [len(row["seeds"]) for row in report["rows"]]
    if max(counts) == 1:
        return "Each was trained once, with one seed: a small difference may be luck. Repeat with three seeds to know."
    if min(counts) == 1:
        return "Some were trained with one seed only: how much of their score is luck is not known."
    seeds = f"{min(counts)} seeds" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)} seeds"
    return f"Numbers are medians over {seeds}; the table shows the smallest and the largest too."


def warnings(report: dict[str, Any], groups: Sequence[Sequence[Entry]]) -> list[str]:
    """What went wrong in the runs: unfinished ones, the warnings raised in training, samples that look copied."""
    found = []
    for row, group in zip(report["rows"], groups):
        for entry in group:
            name = f"{row['label']} (seed {entry.plan.run.seed})" if len(group) > 1 else row["label"]
            if not entry.finished:
                found.append(f"{name} is unfinished: {whole(entry.images)} of {whole(entry.plan.images)} images.")
            found += [f"{name}, at {whole(images)} images: {text}." for images, text in entry.warnings()]
            found += [f"{name} {text}." for text in _copies(entry)]
    return found


def _copies(entry: Entry) -> Iterator[str]:
    for key, score in entry.scores.items():
        value, floor, count = score["value"], score["floor"], count_of(key)
        if key.startswith("memorised@") and count and floor is not None and memorises(value, floor, count):
            yield (
                f"may have memorised: {value:.0%} of its samples are nearer to a training image than that image is to "
                f"any other, of real data {floor:.0%}; look at samples beside their nearest training images"
            )
