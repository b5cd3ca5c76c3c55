"""What the tabs of the page are made of: panels for answers, and the controls that several of them have."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from aegean.config import UserError
from aegean.data import kinds
from aegean.web import play, show
from aegean.web.kinds import kind_of
from aegean.web.play import Exhibit, Pictures

ANY = "any class"
PROGRESS = gr.Progress()  # gradio puts the one of each event in its place


class Panels:
    """Where a tab's answers go: one panel for every run, side by side, or `wide` ones below each other. why_not: why a
    run has none, "" where it has."""

    def __init__(self, runs: Sequence[Exhibit], why_not: Callable[[Exhibit], str], wide: bool = False):
        self.runs, self.why_not, self.wide = runs, why_not, wide
        self.out = gr.HTML(padding=False)

    def show(
        self, compute: Callable[[Exhibit], Pictures], columns: int, captions: bool, progress: gr.Progress | None = None
    ) -> str:
        """compute(run) for every run; what goes wrong is said in its place."""
        parts = []
        for number, run in enumerate(self.runs):
            if progress:
                progress((number, len(self.runs)), desc=run.name, unit="runs")
            parts.append(self.panel(run, compute, columns, captions))
        return show.page(parts, self.wide)

    def panel(self, run: Exhibit, compute: Callable[[Exhibit], Pictures], columns: int, captions: bool) -> str:
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


def classes(runs: Sequence[Exhibit]) -> gr.Dropdown:
    """Which class, for models trained with classes; hidden where there is none."""
    found = list(dict.fromkeys(name for run in runs if run.model.conditional for name in run.model.info.classes))
    return gr.Dropdown([ANY, *found], value=ANY, label="Class", visible=bool(found))


def class_name(kind: str) -> str:
    return "" if kind == ANY else kind


def able(runs: Sequence[Exhibit], verb: str, choice: str) -> list[str]:
    """The choice, where a run can do what it needs."""
    return [choice] if any(verb in run.model.can() for run in runs) else []


def seeds(label: str = "Seed", value: int = 0, visible: bool = True) -> gr.Number:
    return gr.Number(value, label=label, precision=0, minimum=0, maximum=2**53, visible=visible)


def sample_file(runs: Sequence[Exhibit], label: str, visible: bool = True) -> gr.File | gr.Textbox:
    """Where a file of somebody's goes, or a text, where all runs are of texts."""
    if all(run.model.info.vocabulary for run in runs):
        return gr.Textbox(label=label, lines=2, max_length=10_000, visible=visible)
    media = list(dict.fromkeys(kind_of(run.model.info).media for run in runs))
    return gr.File(label=label, file_types=media, type="binary", height=110, visible=visible)


def things(runs: Sequence[Exhibit]) -> str:
    """What these runs take: "image" or "sound", or both."""
    return " or ".join(dict.fromkeys(kinds.kind_of(run.model.info).sample for run in runs))


def give(runs: Sequence[Exhibit]) -> str:
    what = things(runs)
    if all(run.model.info.vocabulary for run in runs):
        return "Type a text into its box"
    return f"Drop {'an' if what.startswith('image') else 'a'} {what} into its box, or choose one there"
