"""What holds a model's samples back, its prior or its decoder, and what the phases after a hand-over have changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from aegean.report.tables import number

NEAR = 1.25  # times as far: no more than that is taken for as good
PRIOR = (
    "{who}: a perfect prior would bring its samples from {value} to {line}; real data reach {floor}. The prior holds "
)
PRIOR += "them back: fit a mixture or a mapping to its latents."
DECODER = "{who}: no prior would bring its samples ({value}) below {line}, where real data reach {floor}. The decoder "
DECODER += "holds them back: try {what}a larger latent, or longer training."
BEYOND = "{who} stands at {value}, beyond its line of {line}, which no prior can pass; real data reach {floor}."
DONE = "{who} stands at {value}, a perfect prior would at {line}, real data at {floor}: little is left to gain."


def bottleneck(value: float, line: float, floor: float) -> Literal["prior", "decoder", "beyond", ""]:
    """What to mend first, by Fréchet distances: of samples, of a perfect prior's, of real data; "" for neither."""
    if value < line / NEAR:
        return "beyond"
    if value > NEAR * line and value - line >= line - floor:
        return "prior"
    return "decoder" if line > NEAR * floor else "prior" if value > NEAR * line else ""


def of_row(row: dict[str, Any], metric: dict[str, Any] | None) -> str:
    """The bottleneck of a row of the report; "" where it is not known."""
    marks = _marks(row, metric)
    return bottleneck(*marks) if marks else ""


def sentences(report: dict[str, Any]) -> Iterator[str]:
    """For each row that reconstructs and samples what holds it back, and what became of a hand-over."""
    metric = next((metric for metric in report["metrics"] if metric["metric"] == "fd"), None)
    for row in report["rows"]:
        if marks := _marks(row, metric):
            words = {"prior": PRIOR, "decoder": DECODER, "beyond": BEYOND, "": DONE}[bottleneck(*marks)]
            what = "" if row["adversarial"] else "an adversary (ae_to_gan), "
            value, line, floor = map(number, marks)
            yield words.format(who=row["label"], value=value, line=line, floor=floor, what=what)
        if begun := row["hand_over"]:
            yield from _since(row["label"], begun)


def _marks(row: dict[str, Any], metric: dict[str, Any] | None) -> tuple[float, float, float] | None:
    key = metric["key"] if metric else ""
    if not metric or metric["floor"] is None or key not in row["line"]:
        return None
    return row["scores"][key]["median"], row["line"][key]["median"], metric["floor"]


def _since(who: str, begun: dict[str, Any]) -> Iterator[str]:
    key = next((key for key in begun["scores"] if key.startswith("fd@") and key in begun["ended"]), None)
    if key is None:
        return
    before, now = begun["scores"][key]["median"], begun["ended"][key]["median"]
    words = f"{who} was handed over at {number(before)} and ended at {number(now)}"
    if now >= before:
        yield f"{words}: training since has gained nothing; what was handed over, with its prior, was better."
    elif key in begun["line"]:
        line = begun["line"][key]["median"]
        passed = "which training since has passed" if now < line else "so a better prior would have done as much"
        yield f"{words}; a perfect prior would have reached {number(line)} without it, {passed}."
    else:
        yield f"{words}."
