"""The page: a tab for each thing to play with, controls on the left, a panel for every run on the right."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gradio as gr

from aegean.config import UserError
from aegean.web import latents, play, show
from aegean.web.play import Pictures, Shown
from aegean.web.upload import upload

ANY = "any class"
WAITING = 20  # events in the queue
RANGE = 3.0  # standard deviations to either side
PROGRESS = gr.Progress()  # gradio puts the one of each event in its place


class Panels:
    """Where a tab's answers go: one panel for every run, side by side, or `wide` ones below each other. why_not: why a
    run has none, "" where it has."""

    def __init__(self, runs: Sequence[Shown], why_not: Callable[[Shown], str], wide: bool = False):
        self.runs, self.why_not, self.wide = runs, why_not, wide
        self.out = gr.HTML(padding=False)

    def show(
        self, compute: Callable[[Shown], Pictures], columns: int, captions: bool, progress: gr.Progress | None = None
    ) -> str:
        """compute(run) for every run; what goes wrong is said in its place."""
        parts = []
        for number, run in enumerate(self.runs):
            if progress:
                progress((number, len(self.runs)), desc=run.name, unit="runs")
            parts.append(self.panel(run, compute, columns, captions))
        return show.page(parts, self.wide)

    def panel(self, run: Shown, compute: Callable[[Shown], Pictures], columns: int, captions: bool) -> str:
        about, why = play.about(run), self.why_not(run)
        try:
            return (
                show.sorry(run.name, about, why)
                if why
                else show.panel(run.name, about, compute(run), columns, captions)
            )
        except UserError as error:
            return show.sorry(run.name, about, str(error))
        except Exception as error:
            traceback.print_exc()
            text = f"This is a fault of aegean itself ({type(error).__name__}); the terminal shows more."
            return show.sorry(run.name, about, text)


class Tab(NamedTuple):
    title: str
    why_not: Callable[[Shown], str]
    build: Callable[[Sequence[Shown], list[Any]], None]


def make_page(runs: Sequence[Shown], delete_cache: tuple[int, int] | None = None) -> gr.Blocks:
    """The whole page for these runs. delete_cache: uploads are looked for every so many seconds, and go when they are
    so many seconds old."""
    here = [tab for tab in TABS if not all(tab.why_not(run) for run in runs)]
    with gr.Blocks(
        title="aegean playground", analytics_enabled=False, delete_cache=delete_cache, fill_width=True
    ) as page:
        gr.HTML(show.title([run.name for run in runs]))
        with gr.Tabs(overflow_behavior="wrap"):
            for tab in here:
                with gr.Tab(tab.title) as opened:
                    tab.build(runs, [opened.select, *([page.load] if tab is here[0] else [])])
        gr.HTML(show.missing([f"{tab.title}: {tab.why_not(runs[0])}" for tab in TABS if tab not in here]))
    page.queue(max_size=WAITING, default_concurrency_limit=1, api_open=False)
    return page


def answer(
    triggers: list[Any], controls: list[Any], function: Callable[..., str], panels: Panels, slow: bool = False
) -> None:
    """Show the answer when the tab opens and whenever a control changes. Slow ones cover the old answer meanwhile."""
    changes = [control.change for control in controls]
    gr.on(
        [*triggers, *changes],
        function,
        controls,
        panels.out,
        api_visibility="private",
        concurrency_id="models",  # one at a time, whatever the tab
        trigger_mode="always_last",
        show_progress="full" if slow else "minimal",
    )


def classes(runs: Sequence[Shown]) -> gr.Dropdown:
    """Which class, for models trained with classes; hidden where there is none."""
    found = list(dict.fromkeys(name for run in runs if run.model.conditional for name in run.model.info.classes))
    return gr.Dropdown([ANY, *found], value=ANY, label="Class", visible=bool(found))


def class_name(kind: str) -> str:
    return "" if kind == ANY else kind


def able(runs: Sequence[Shown], verb: str, choice: str) -> list[str]:
    """The choice, where a run can do what it needs."""
    return [choice] if any(verb in run.model.can() for run in runs) else []


def seeds(label: str = "Seed", value: int = 0, visible: bool = True) -> gr.Number:
    return gr.Number(value, label=label, precision=0, minimum=0, maximum=2**53, visible=visible)


def picture_file(label: str, visible: bool = True) -> gr.File:
    return gr.File(label=label, file_types=["image"], type="binary", height=110, visible=visible)


# the tabs


def samples(runs: Sequence[Shown], triggers: list[Any]) -> None:
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            seed = seeds()
            others = gr.Button("Draw others", variant="primary")
            truncation = gr.Slider(0, 1.5, 1, step=0.05, label="Truncation")
            count = gr.Slider(4, play.MOST, 36, step=4, label="How many")
            kind = classes(runs)
            gr.HTML(show.note(TRUNCATION))
        with gr.Column(scale=3, min_width=300):
            panels = Panels(runs, play.no_samples)

    def draw(seed: int, truncation: float, count: int, kind: str, progress: gr.Progress = PROGRESS) -> str:
        def compute(run: Shown) -> Pictures:
            return play.sampled(run, int(count), int(seed or 0), truncation, class_name(kind))

        return panels.show(compute, 6, False, progress)

    others.click(lambda seed: int(seed or 0) + 1, seed, seed, api_visibility="private", show_progress="hidden")
    answer(triggers, [seed, truncation, count, kind], draw, panels)


TRUNCATION = (
    "Truncation multiplies the normal noise that samples are drawn from. At 1 they are drawn as the model was trained; "
    "below, nearer the middle: cleaner and more alike, down to the middle itself at 0; above, rarer and stranger."
)


def pictures(runs: Sequence[Shown], triggers: list[Any]) -> None:
    compresses = any(verb.startswith("compress") for run in runs for verb in run.model.can())
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            file = picture_file("Your picture")
            whole = gr.Checkbox(False, label="Keep its size", visible=compresses)
            kind = classes(runs)
            gr.HTML(show.note(WHOLE if compresses else FITTED))
        with gr.Column(scale=3, min_width=300):
            panels = Panels(runs, play.no_pictures)

    def through(data: bytes | None, whole: bool, kind: str, progress: gr.Progress = PROGRESS) -> str:
        if data is None:
            return show.hint("Drop a picture on the left: here you will see what each run makes of it.")
        try:
            given = upload(data)
        except UserError as error:
            return show.refusal(str(error))
        return panels.show(lambda run: play.reconstructed(run, given, whole, class_name(kind)), 2, True, progress)

    answer(triggers, [file, whole, kind], through, panels, slow=True)


FITTED = "A picture of any size and kind: it is scaled to the model's own size and colours."
WHOLE = (
    "A picture of any size and kind: it is scaled to the model's own size and colours. With “Keep its size”, models "
    "that compress take it tile by tile instead."
)

SEEDS, PICTURES = "two samples", "two pictures"


def between(runs: Sequence[Shown], triggers: list[Any]) -> None:
    ends = [*able(runs, "sample", SEEDS), *able(runs, "encode", PICTURES)]
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            what = gr.Radio(ends, value=ends[0], label="Between")
            first, last = (seeds(label, n, ends[0] == SEEDS) for n, label in enumerate(("First seed", "Last seed")))
            files = [picture_file(label, visible=ends[0] == PICTURES) for label in ("First picture", "Last picture")]
            steps = gr.Slider(3, 16, 8, step=1, label="Steps")
            kind = classes(runs)
        with gr.Column(scale=3, min_width=300):
            panels = Panels(runs, latents.no_way, wide=True)

    def switch(what: str) -> list[Any]:
        return [gr.update(visible=what == SEEDS)] * 2 + [gr.update(visible=what == PICTURES)] * 2

    def interpolate(
        what: str,
        first: int,
        last: int,
        one: bytes | None,
        other: bytes | None,
        steps: int,
        kind: str,
        progress: gr.Progress = PROGRESS,
    ) -> str:
        if what == PICTURES and (one is None or other is None):
            return show.hint("Drop two pictures on the left: here you will see the way from one to the other.")
        try:
            given = [upload(data) for data in (one, other) if data] if what == PICTURES else [first or 0, last or 0]
        except UserError as error:
            return show.refusal(str(error))
        return panels.show(
            lambda run: latents.between(run, given, int(steps), class_name(kind)), min(int(steps), 8), False, progress
        )

    what.change(switch, what, [first, last, *files], api_visibility="private", show_progress="hidden")
    answer(triggers, [what, first, last, *files, steps, kind], interpolate, panels)


SEED, PICTURE, MIDDLE = "a sample", "a picture", "the middle"
FOUND = {"principal components": "components", "the decoder's first layer": "weights"}


def sliders(runs: Sequence[Shown], triggers: list[Any]) -> None:
    starts = [*able(runs, "sample", SEED), *able(runs, "encode", PICTURE), MIDDLE]
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            way = gr.Radio(list(FOUND), value=next(iter(FOUND)), label="Directions found by")
            start = gr.Radio(starts, value=starts[0], label="Start from")
            seed = seeds(visible=starts[0] == SEED)
            file = picture_file("Your picture", visible=starts[0] == PICTURE)
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
        return [gr.update(visible=start == SEED), gr.update(visible=start == PICTURE)]

    def move(
        way: str,
        start: str,
        seed: int,
        data: bytes | None,
        kind: str,
        *amounts: float,
    ) -> str:
        if start == PICTURE and data is None:
            return show.hint("Drop a picture on the left to start from it.")
        try:
            begin = {MIDDLE: lambda: None, SEED: lambda: int(seed or 0), PICTURE: lambda: upload(data or b"")}[start]()
        except UserError as error:
            return show.refusal(str(error))
        return panels.show(lambda run: latents.moved(run, FOUND[way], begin, amounts, class_name(kind)), 2, True)

    start.change(switch, start, [seed, file], api_visibility="private", show_progress="hidden")
    back.click(lambda: [0] * len(amounts), None, amounts, api_visibility="private", show_progress="hidden")
    answer(triggers, [way, start, seed, file, kind, *amounts], move, panels)


DIRECTIONS = "The sliders count in standard deviations of the latents along each direction."


LEVEL = "The first sample of the seed, then the same again with only one level drawn anew."


def levels(runs: Sequence[Shown], triggers: list[Any]) -> None:
    top = max(run.model.floors for run in runs) - 1
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
        def compute(run: Shown) -> Pictures:
            return play.redrawn(run, int(level), int(count), int(seed or 0), class_name(kind))

        return panels.show(compute, 6, False, progress)

    answer(triggers, [seed, level, count, kind], redraw, panels)


TABS = (
    Tab("Samples", play.no_samples, samples),
    Tab("Picture", play.no_pictures, pictures),
    Tab("Directions", latents.no_directions, sliders),
    Tab("Between", latents.no_way, between),
    Tab("Levels", play.no_levels, levels),
)
