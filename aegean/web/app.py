"""The page: a tab for each thing to play with."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from aegean.web import show
from aegean.web.panels import things
from aegean.web.play import Exhibit
from aegean.web.tabs import TABS

WAITING = 20  # events in the queue


def make_page(runs: Sequence[Exhibit], delete_cache: tuple[int, int] | None = None) -> gr.Blocks:
    """The whole page for these runs. delete_cache: uploads are looked for every so many seconds, and go when they are
    so many seconds old."""
    titles = {tab: tab.title.format(things(runs).capitalize()) for tab in TABS}
    here = [tab for tab in TABS if not all(tab.why_not(run) for run in runs)]
    lacking = [f"{titles[tab]}: {tab.why_not(runs[0])}" for tab in TABS if tab not in here]
    with gr.Blocks(
        title="aegean playground", analytics_enabled=False, delete_cache=delete_cache, fill_width=True
    ) as page:
        gr.HTML(show.title([run.name for run in runs]))
        with gr.Tabs(overflow_behavior="wrap"):
            for tab in here:
                with gr.Tab(titles[tab]) as opened:
                    tab.build(runs, [opened.select, *([page.load] if tab is here[0] else [])])
                    if tab is here[0]:
                        gr.HTML(show.missing(lacking))
    page.queue(max_size=WAITING, default_concurrency_limit=1, api_open=False)
    return page
