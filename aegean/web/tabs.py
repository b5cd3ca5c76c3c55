"""The tabs of the page: controls on the left, a panel for every run on the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gradio as gr

from aegean.config import UserError
from aegean.web import latents, play, repair, show
from aegean.web.before_after import restored, translated
from aegean.web.kinds import kind_of, uploaded
from aegean.web.panels import (
    PROGRESS,
    Panels,
    able,
    answer,
    class_name,
    classes,
    give,
    sample_file,
    seeds,
    things,
)
from aegean.web.play import Exhibit, Pictures

RANGE = 3.0  # standard deviations to either side


class Tab(NamedTuple):
    title: str  # {} is what the runs take: "Image"
    why_not: Callable[[Exhibit], str]
    build: Callable[[Sequence[Exhibit], list[Any]], None]


def samples(runs: Sequence[Exhibit], triggers: list[Any]) -> None:
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            seed = seeds()
            others = gr.Button("Draw others", variant="primary")
            truncation = gr.Slider(0, 1.5, 1, step=0.05, label="Truncation", info=TRUNCATION)
            count = gr.Slider(4, play.MOST, 36, step=4, label="How many")
            kind = classes(runs)
        with gr.Column(scale=3, min_width=300):
            panels = Panels(runs, play.no_samples)

    def draw(seed: int, truncation: float, count: int, kind: str, progress: gr.Progress = PROGRESS) -> str:
        def compute(run: Exhibit) -> Pictures:
            return play.sampled(run, int(count), int(seed or 0), truncation, class_name(kind))

        return panels.show(compute, 6, False, progress)

    others.click(lambda seed: int(seed or 0) + 1, seed, seed, api_visibility="private", show_progress="hidden")
    answer(triggers, [seed, truncation, count, kind], draw, panels)


TRUNCATION = "Scales the normal noise: below 1 cleaner and more alike, above 1 rarer and stranger."


def pictures(runs: Sequence[Exhibit], triggers: list[Any]) -> None:
    compresses = any(verb.startswith("compress") for run in runs for verb in run.model.can())
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            file = sample_file(runs, f"Your {things(runs)}")
            whole = gr.Checkbox(False, label="Keep its size", visible=compresses)
            kind = classes(runs)
            for words in dict.fromkeys(kind_of(run.model.info).whole for run in runs):
                gr.HTML(show.note(words if compresses else words.partition(" With ")[0]))
        with gr.Column(scale=3, min_width=300):
            panels = Panels(runs, play.no_pictures)

    def through(data: bytes | str | None, whole: bool, kind: str, progress: gr.Progress = PROGRESS) -> str:
        if not data:
            return show.hint(f"{give(runs)}: here you will see what each run makes of it.")
        try:
            given = uploaded(data)
        except UserError as error:
            return show.refusal(str(error))
        return panels.show(lambda run: play.reconstructed(run, given, whole, class_name(kind)), 2, True, progress)

    answer(triggers, [file, whole, kind], through, panels, slow=True)


SEEDS, FILES = "two samples", "two of your own"


def between(runs: Sequence[Exhibit], triggers: list[Any]) -> None:
    ends = [*able(runs, "sample", SEEDS), *able(runs, "encode", FILES)]
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            what = gr.Radio(ends, value=ends[0], label="Between")
            first, last = (seeds(label, n, ends[0] == SEEDS) for n, label in enumerate(("First seed", "Last seed")))
            files = [sample_file(runs, f"{label} {things(runs)}", ends[0] == FILES) for label in ("First", "Last")]
            steps = gr.Slider(3, 16, 8, step=1, label="Steps")
            kind = classes(runs)
        with gr.Column(scale=3, min_width=300):
            panels = Panels(runs, latents.no_way, wide=True)

    def switch(what: str) -> list[Any]:
        return [gr.update(visible=what == SEEDS)] * 2 + [gr.update(visible=what == FILES)] * 2

    def interpolate(
        what: str,
        first: int,
        last: int,
        one: bytes | str | None,
        other: bytes | str | None,
        steps: int,
        kind: str,
        progress: gr.Progress = PROGRESS,
    ) -> str:
        if what == FILES and not (one and other):
            return show.hint(f"{give(runs)} for each end: here you will see the way from one to the other.")
        try:
            given = [uploaded(data) for data in (one, other) if data] if what == FILES else [first or 0, last or 0]
        except UserError as error:
            return show.refusal(str(error))
        return panels.show(
            lambda run: latents.between(run, given, int(steps), class_name(kind)), min(int(steps), 8), False, progress
        )

    what.change(switch, what, [first, last, *files], api_visibility="private", show_progress="hidden")
    answer(triggers, [what, first, last, *files, steps, kind], interpolate, panels)


SEED, OWN, MIDDLE = "a sample", "your own", "the middle"
FOUND = {"principal components": "components", "the decoder's first layer": "weights"}


def sliders(runs: Sequence[Exhibit], triggers: list[Any]) -> None:
    starts = [*able(runs, "sample", SEED), *able(runs, "encode", OWN), MIDDLE]
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            way = gr.Radio(list(FOUND), value=next(iter(FOUND)), label="Directions found by")
            start = gr.Radio(starts, value=starts[0], label="Start from")
            seed = seeds(visible=starts[0] == SEED)
            file = sample_file(runs, f"Your {things(runs)}", starts[0] == OWN)
            kind = classes(runs)
        with gr.Column(scale=1, min_width=260, elem_classes="play-second"):
            amounts = [
                gr.Slider(-RANGE, RANGE, 0, step=0.1, label=f"Direction {n}") for n in range(1, latents.SLIDERS + 1)
            ]
            back = gr.Button("Back to the start")
        with gr.Column(scale=2, min_width=300, elem_classes="play-first"):
            panels = Panels(runs, latents.no_directions)
            gr.HTML(show.note(DIRECTIONS))

    def switch(start: str) -> list[Any]:
        return [gr.update(visible=start == SEED), gr.update(visible=start == OWN)]

    def move(
        way: str,
        start: str,
        seed: int,
        data: bytes | str | None,
        kind: str,
        *amounts: float,
    ) -> str:
        if start == OWN and not data:
            return show.hint(f"{give(runs)} to start from.")
        try:
            begin = {MIDDLE: lambda: None, SEED: lambda: int(seed or 0), OWN: lambda: uploaded(data or b"")}[start]()
        except UserError as error:
            return show.refusal(str(error))
        return panels.show(lambda run: latents.moved(run, FOUND[way], begin, amounts, class_name(kind)), 2, True)

    start.change(switch, start, [seed, file], api_visibility="private", show_progress="hidden")
    back.click(lambda: [0] * len(amounts), None, amounts, api_visibility="private", show_progress="hidden")
    answer(triggers, [way, start, seed, file, kind, *amounts], move, panels)


DIRECTIONS = "The sliders count in standard deviations of the latents along each direction."


LEVEL = "The first sample of the seed, then the same again with only one level drawn anew."


def levels(runs: Sequence[Exhibit], triggers: list[Any]) -> None:
    top = max(run.model.depth for run in runs) - 1
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            seed = seeds()
            level = gr.Slider(0, top, top, step=1, label="Level")
            count = gr.Slider(5, 35, 11, step=6, label="How many times")
            kind = classes(runs)
            gr.HTML(show.note(f"{LEVEL} Level 0 is nearest the data, level {top} is the top."))
        with gr.Column(scale=3, min_width=300):
            panels = Panels(runs, play.no_levels)

    def redraw(seed: int, level: int, count: int, kind: str, progress: gr.Progress = PROGRESS) -> str:
        def compute(run: Exhibit) -> Pictures:
            return play.redrawn(run, int(level), int(count), int(seed or 0), class_name(kind))

        return panels.show(compute, 6, False, progress)

    answer(triggers, [seed, level, count, kind], redraw, panels)


TABS = (
    Tab("Samples", play.no_samples, samples),
    Tab("{}", play.no_pictures, pictures),
    Tab("Restore", repair.no_restoring, restored),
    Tab("Translate", repair.no_translating, translated),
    Tab("Directions", latents.no_directions, sliders),
    Tab("Between", latents.no_way, between),
    Tab("Levels", play.no_levels, levels),
)
