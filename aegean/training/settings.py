"""What a run was asked to do: the content of its config.json."""

from __future__ import annotations

import datetime
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aegean.config import Config
from aegean.data import DataInfo, DataOptions
from aegean.training.engine import Engine
from aegean.training.schedule import Run

FORMAT = 2


@dataclass(frozen=True)
class Settings(Config):
    """What a run was asked to do and where it ran: the content of its config.json."""

    recipe: str
    settings: dict[str, Any]
    data: DataOptions
    info: DataInfo
    run: Run
    engine: Engine = field(default_factory=Engine)
    inherited: dict[str, Any] = field(default_factory=dict)  # source, nets, images, seconds; empty without
    minutes: float = 0.0  # as asked for; already turned into images
    evaluations: int = 0
    canaries: int = 0  # of which half are trained on; for audits
    prior: str = ""  # fitted afterwards, by name; fitted anew when more training has moved the latents
    format: int = FORMAT
    machine: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    started: str = ""

    @property
    def images(self) -> int:
        """The whole budget: an inherited network's images count."""
        return self.run.images + int(self.inherited.get("images", 0))


def command() -> str:
    return shlex.join(["aegean", *sys.argv[1:]] if Path(sys.argv[0]).name in ("aegean", "__main__.py") else sys.argv)


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
