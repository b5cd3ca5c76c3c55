"""The tabs of restorers and translators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from aegean.config import UserError
from aegean.web import repair, show
from aegean.web.panels import PROGRESS, Panels, answer, give, sample_file, seeds
from aegean.web.play import Exhibit, Pictures
from aegean.web.upload import Upload, upload

AS_IT_IS, DAMAGED = "as it is", "damaged as in training"


def restored(runs: Sequence[Exhibit], triggers: list[Any]) -> None:
    able = [run.model for run in runs if not repair.no_restoring(run)]
    sharp, scaled = any("sharp" in model.nets for model in able), any(repair.scales(model) for model in able)
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            file = sample_file(runs, "Your image")
            how = gr.Radio([AS_IT_IS, DAMAGED], value=AS_IT_IS, label="Restore it")
            seed = seeds("Seed of the damage")
            enlarge = gr.Checkbox(False, label="Enlarge it", visible=scaled)
            strength = gr.Slider(0, 1, 0, step=0.05, label="Strength", info=STRENGTH, visible=sharp)
            gr.HTML(show.note(INVENTED))
        with gr.Column(scale=3, min_width=300):
            panels = Panels(runs, repair.no_restoring)

    def through(
        data: bytes | None, how: str, seed: int, enlarge: bool, strength: float, progress: gr.Progress = PROGRESS
    ) -> str:
        def compute(given: Upload, run: Exhibit) -> Pictures:
            return repair.restored(run, given, how == DAMAGED, int(seed or 0), strength, enlarge)

        return before_and_after(data, compute, panels, progress)

    answer(triggers, [file, how, seed, enlarge, strength], through, panels, slow=True)


def translated(runs: Sequence[Exhibit], triggers: list[Any]) -> None:
    able = [run.model for run in runs if not repair.no_translating(run)]
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            file = sample_file(runs, "Your image")
            back = gr.Checkbox(False, label="Back", visible=any(getattr(model.wiring, "back", "") for model in able))
            sharp = any("sharp" in model.nets for model in able)
            strength = gr.Slider(0, 1, 1, step=0.05, label="Strength", info=STRENGTH, visible=sharp)
            gr.HTML(show.note(INVENTED))
        with gr.Column(scale=3, min_width=300):
            panels = Panels(runs, repair.no_translating)

    def through(data: bytes | None, back: bool, strength: float, progress: gr.Progress = PROGRESS) -> str:
        return before_and_after(
            data, lambda given, run: repair.translated(run, given, back, strength), panels, progress
        )

    answer(triggers, [file, back, strength], through, panels, slow=True)


STRENGTH = "From the exact decoder, 0, to the sharpened one, 1."
INVENTED = "Details that the image does not hold are invented: they are no evidence."


def before_and_after(
    data: bytes | None, compute: Callable[[Upload, Exhibit], Pictures], panels: Panels, progress: gr.Progress
) -> str:
    """What every run makes of an uploaded file."""
    if data is None:
        return show.hint(f"{give(panels.runs)}: here you will see it before and after.")
    try:
        given = upload(data)
    except UserError as error:
        return show.refusal(str(error))
    return panels.show(lambda run: compute(given, run), 2, True, progress)
