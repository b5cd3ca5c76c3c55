"""What a run notes beside its tensors, and the lines of its metrics.jsonl."""

from __future__ import annotations

from typing import Any

from aegean.machine import peak
from aegean.model import Model
from aegean.training.folder import Folder
from aegean.training.guard import Fault
from aegean.training.settings import Settings
from aegean.training.trainer import Trainer


class Record:
    """Notes that are saved with the state: seconds of training, lines written, the best model, warnings given.

    folder: the run's files.
    settings: what the run was asked to do.
    trainer: the run in progress.
    """

    def __init__(self, folder: Folder, settings: Settings, trainer: Trainer):
        self.folder, self.settings, self.trainer = folder, settings, trainer
        self.notes: dict[str, Any] = {"seconds": 0.0, "lines": 0, "best": {}, "coverage": 0.0, "memory": 0}

    def log(self, **line: Any) -> None:
        """Append a line to metrics.jsonl, with the run's place."""
        place = {"images": self._images(), "phase": self.trainer.phase.name}
        self.folder.log(**place, seconds=round(self.notes["seconds"], 3), **line)
        self.notes["lines"] += 1

    def save(self) -> None:
        """State and model, as they are now. Fault: an update went wrong since the last good state, which stays."""
        if fault := self.trainer.blame():
            raise Fault(fault)
        self.notes["memory"] = self.about()["memory"]
        if self.takes_back():
            model = Model.load(self.folder.best)
            model.about = {**self.about(), "kept": model.about["images"]}
        else:
            model = self.trainer.model(about=self.about())
        model.save(self.folder.model)
        self.folder.save_state(self.trainer.tensors(), self.trainer.clock(), self.notes)

    def takes_back(self) -> bool:
        """Whether the finished model is the best one since the last hand-over: the end's samples were further from
        held-out data. So what an adversary has not improved stays as it was handed over."""
        best, schedule = self.notes["best"], self.trainer.run.schedule
        handed = [i for i, phase in enumerate(schedule) if phase.edges and (i or self.settings.inherited)]
        if not (handed and self.trainer.done and best.get("key", "").startswith("fd@")):
            return False
        before = sum(phase.images for phase in schedule[: handed[-1]])
        return best.get("latest", 0.0) > best["value"] and best["images"] >= before

    def about(self) -> dict[str, Any]:
        """What a model file tells of its making."""
        return {
            "recipe": self.settings.recipe,
            "settings": self.settings.settings,
            "images": self._images(),
            "seconds": round(self.notes["seconds"] + float(self.settings.inherited.get("seconds", 0)), 1),
            "seed": self.settings.run.seed,
            "memory": max(self.notes.get("memory", 0), peak(self.trainer.device)),
        }

    def _images(self) -> int:
        return self.trainer.images + int(self.settings.inherited.get("images", 0))
