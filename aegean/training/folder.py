"""A run is a folder: its config, model, best model, metrics, pictures, TensorBoard events and state."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import safetensors
from safetensors import SafetensorError

from aegean.config import UserError, fits, from_json, parse_json, to_json
from aegean.files import Shapes, read_tensor_header, read_text, write_atomically
from aegean.surface import option
from aegean.training.checks import MARKS, check_header, check_line, check_scores, check_settings
from aegean.training.settings import FORMAT, Settings

if TYPE_CHECKING:
    from torch import Tensor

LOG_LIMIT = 64 << 20  # bytes of metrics.jsonl
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
EARLIER = "Give the folder of an earlier training."


class Score(Protocol):
    """What an evaluation says of one metric (see `metrics.scores`)."""

    @property
    def value(self) -> float: ...
    @property
    def floor(self) -> float | None: ...
    @property
    def better(self) -> str: ...
    @property
    def interval(self) -> tuple[float, float] | None: ...
    @property
    def line(self) -> float | None: ...
    @property
    def blurred(self) -> float | None: ...


def score_json(score: Score) -> dict[str, Any]:
    """A score as it stands in metrics.jsonl and evaluation.json."""
    out: dict[str, Any] = {"value": score.value, "floor": score.floor, "better": score.better}
    if score.interval:
        out["interval"] = list(score.interval)
    return out | {name: mark for name in MARKS if (mark := getattr(score, name)) is not None}


class Folder:
    """The files of one run."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.model = self.path / "model.safetensors"
        self.best = self.path / "best.safetensors"
        self.metrics = self.path / "metrics.jsonl"
        self.scores = self.path / "evaluation.json"
        self.samples = self.path / "samples"
        self.tensorboard = self.path / "tensorboard"
        self.state = self.path / "state" / "last.safetensors"

    def create(self, settings: Settings, overwrite: bool = False) -> None:
        """A new run. It appears under its name with its config inside, or not at all. `overwrite`: an old one, which
        nobody may be training, makes way, and comes back if the new one cannot be made."""
        if not (overwrite and self.path.exists()):
            self._create(settings)
            return
        old = self.path.with_name(f".{self.path.name}.{os.getpid()}.old")
        with self.locked() if self.state.parent.exists() else contextlib.nullcontext():
            self.path.rename(old)
            try:
                self._create(settings)
            except BaseException:
                old.rename(self.path)
                raise
            shutil.rmtree(old)

    def _create(self, settings: Settings) -> None:
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        for folder in (temporary, *(temporary / name for name in ("samples", "tensorboard", "state"))):
            folder.mkdir(parents=True, exist_ok=True)
        write_atomically(temporary / "config.json", json.dumps(to_json(settings), indent=1))
        try:
            temporary.rename(self.path)
        except OSError:
            shutil.rmtree(temporary, ignore_errors=True)
            if not self.path.exists():
                raise
            raise UserError(
                f"{self.path} was made by another process meanwhile; choose another {option('out')}."
            ) from None

    def read(self) -> Settings:
        """UserError: not a run, half written, or of another format."""
        if not self.path.is_dir():
            raise UserError(f"{self.path} is not a run folder: it does not exist. {EARLIER}")
        if not self.config.exists():
            raise UserError(f"{self.path} is not a run folder: it has no config.json. {EARLIER}")
        value = parse_json(read_text(self.config), str(self.config))
        found = value.get("format") if isinstance(value, dict) else None
        if found != FORMAT:
            raise UserError(f"{self.config} has format {found!r}; this version of aegean reads format {FORMAT}.")
        try:
            settings = from_json(value)
            assert isinstance(settings, Settings), "it describes something else"
            check_settings(settings)
            return settings
        except (TypeError, AttributeError, LookupError, ValueError, AssertionError, RecursionError) as error:
            raise UserError(f"{self.config} does not describe a run ({error}); restore it from a copy.") from None

    def write_settings(self, settings: Settings) -> None:
        write_atomically(self.config, json.dumps(to_json(settings), indent=1))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One process trains a run at a time. What a killed one left half written is removed."""
        self._check_places()
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        descriptor = os.open(self.state.parent, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in self.path.rglob(".*.tmp"):
                left.unlink()
            yield
        except BlockingIOError:
            raise UserError(f"{self.path} is being trained by another process; wait for it, or stop it.") from None
        finally:
            os.close(descriptor)

    def _check_places(self) -> None:
        """Make the folders that are missing. UserError: what is written would land elsewhere, or nowhere."""
        for place in (self.samples, self.tensorboard, self.state.parent, self.metrics):
            if place.is_symlink():
                raise UserError(f"{place} is a symbolic link: nothing is written through it; move it away.")
            folder = place != self.metrics
            if place.exists() and place.is_dir() is not folder:
                raise UserError(f"{place} is no {'folder' if folder else 'file'}; move it away.")
            if folder:
                place.mkdir(exist_ok=True)

    def save_state(self, tensors: Mapping[str, Tensor], clock: dict[str, int], notes: dict[str, Any]) -> None:
        """The whole state in one file: replaced in one rename."""
        import safetensors.torch

        header = json.dumps({"format": FORMAT, "clock": clock, "notes": notes})
        values = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
        write_atomically(self.state, safetensors.torch.save(values, {"aegean": header}))

    def write_sample(self, name: str, content: bytes) -> None:
        """A picture among the samples of the run."""
        write_atomically(self.samples / name, content)

    def load_state(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The tensors of the saved state, and its header {clock, notes}; None before the first save."""
        if not self.state.exists():
            return None
        header, _ = self.state_header()
        try:
            with safetensors.safe_open(str(self.state), framework="pt") as opened:
                return {key: opened.get_tensor(key) for key in opened.keys()}, header
        except (SafetensorError, OSError) as error:
            raise UserError(f"{self.state} cannot be resumed from ({error}); start the run anew.") from None

    def state_header(self) -> tuple[dict[str, Any], Shapes]:
        """The header {clock, notes} of the saved state, and the shapes of its tensors by name. UserError: damaged."""
        metadata, shapes = read_tensor_header(self.state)
        header = parse_json(str(metadata.get("aegean", "")), str(self.state))
        found = header.get("format") if isinstance(header, dict) else None
        if found != FORMAT:
            raise UserError(f"{self.state} has format {found!r}, expected {FORMAT}; train anew.")
        try:
            check_header(header)
        except (AssertionError, TypeError) as error:
            raise UserError(f"{self.state} cannot be resumed from ({error}); start the run anew.") from None
        return header, shapes

    def clock(self) -> dict[str, int]:
        """The clock of the saved state; empty before the first save."""
        return self.state_header()[0]["clock"] if self.state.exists() else {}

    def log(self, **line: Any) -> None:
        """Append one line to metrics.jsonl."""
        descriptor = os.open(self.metrics, os.O_WRONLY | os.O_CREAT | os.O_APPEND | NO_LINK, 0o666)
        with os.fdopen(descriptor, "a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
            out.flush()
            os.fsync(out.fileno())

    def lines(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl; a last line cut short by a kill is left out. UserError: others are damaged."""
        if not self.metrics.exists():
            return []
        texts, lines = read_text(self.metrics, LOG_LIMIT).split("\n"), []
        for number, text in enumerate(texts[:-1], 1):  # behind the last end of a line is nothing, or what a kill left
            try:
                lines.append(json.loads(text))
                check_line(lines[-1])
            except (ValueError, AssertionError, TypeError, RecursionError) as error:
                raise UserError(f"{self.metrics}, line {number} ({error}): restore it from a copy.") from None
        return lines

    def read_scores(self) -> dict[str, dict[str, Any]]:
        """The scores of the final evaluation, {value, floor, better} by key; empty before it."""
        return self.evaluation()[1]

    def evaluation(self) -> tuple[int, dict[str, dict[str, Any]]]:
        """The final evaluation: after how many images, and its scores by key; (-1, {}) before it. UserError:
        damaged."""
        if not self.scores.exists():
            return -1, {}
        found = parse_json(read_text(self.scores), str(self.scores))
        try:
            check_scores(found["scores"])
            assert fits(found["images"], int), "no number of images"
            return found["images"], found["scores"]
        except (AssertionError, LookupError, TypeError) as error:
            raise UserError(f"{self.scores} holds no scores ({error}); delete it and resume the run.") from None

    def write_scores(self, images: int, scores: Mapping[str, Any]) -> None:
        """The final evaluation, after so many images."""
        write_atomically(self.scores, json.dumps({"images": images, "scores": scores}, indent=1))

    def cut_log(self, count: int) -> None:
        """Keep the first `count` lines, those that the resumed state has seen written."""
        lines = [json.dumps(line) + "\n" for line in self.lines()[:count]]
        write_atomically(self.metrics, "".join(lines))
