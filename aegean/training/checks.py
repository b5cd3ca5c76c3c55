"""What the files of a run may say: checked once, where they are read. Types are those of the classes; these are ranges,
and parts that must belong together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aegean.config import UserError, fits
from aegean.data.kinds import check_info
from aegean.latent.names import FITTED
from aegean.training.engine import Engine
from aegean.training.schedule import Copy, Fit, Phase, Renew, Run

if TYPE_CHECKING:
    from aegean.training.settings import Settings

MOST = 10**15  # images; 300 years at a million a second
BATCH = 1 << 20  # samples
PARTS = 1_000  # phases, turns, terms, networks
BACKENDS = ("", "inductor", "aot_eager", "eager")
INHERITED = {"source": str, "recipe": str, "images": int, "seconds": float, "nets": tuple[str, ...]}
NOTES = {"seconds": float, "lines": int, "best": dict[str, Any], "coverage": float, "memory": int}
MARKS = (
    "given",
    "classical",
    "mean",
    "neighbour",
    "line",
    "blurred",
    "independent",
    "ngram",
)  # of a score, where it has them
CLOCK = ("phase", "seen", "images", "summed")


def check_settings(settings: Settings) -> None:
    """AssertionError: a run that cannot be."""
    check_info(settings.info)
    check_run(settings.run)
    check_engine(settings.engine, settings.run)
    settings.data.check()
    assert 0 <= settings.evaluations <= 1000, f"evaluations={settings.evaluations}"
    assert settings.minutes >= 0, f"minutes={settings.minutes}"
    assert settings.prior in ("", *FITTED), f"a prior {settings.prior!r}"
    machine, inherited = settings.machine, settings.inherited
    assert all(fits(value, str | int) for value in machine.values()), "a machine of other facts than words and numbers"
    assert fits(machine.get("threads", 1), int) and machine.get("threads", 1) >= 1, "threads of no number"
    assert fits(machine.get("device", ""), str), "a device of no name"
    assert all(fits(inherited[k], kind) for k, kind in INHERITED.items() if k in inherited), "an odd inheritance"
    assert not inherited or "source" in inherited, "an inheritance from nowhere"
    assert min(inherited.get("images", 0), inherited.get("seconds", 0)) >= 0, "an inheritance below zero"


def check_run(run: Run) -> None:
    """AssertionError: a schedule that cannot be."""
    assert 1 <= run.batch <= BATCH, f"a batch of {run.batch}"
    assert run.seed >= 0, f"a seed of {run.seed}"
    assert fits(run.nets, dict[str, object]) and all(type(spec).__name__ == "Net" for spec in run.nets.values()), "nets"
    assert 0 < len(run.nets) <= PARTS and 0 < len(run.schedule) <= PARTS, "no networks, or no phases"
    assert len({phase.name for phase in run.schedule}) == len(run.schedule), "two phases of one name"
    for phase in run.schedule:
        check_phase(phase, set(run.nets))


def check_phase(phase: Phase, nets: set[str]) -> None:
    """AssertionError: a phase that cannot be, with networks of these names."""
    assert 1 <= phase.images <= MOST, f"{phase.images} images"
    assert 0 < phase.half_life <= 1, f"a half-life of {phase.half_life}"
    assert 0 < len(phase.turns) <= PARTS, "no turns"
    assert len({turn.name for turn in phase.turns}) == len(phase.turns), "two turns of one name"
    _known([*phase.averages, *phase.trains], nets)
    for edge in phase.edges:
        _known([edge.source, edge.target] if isinstance(edge, Copy) else [], nets)
        _known([edge.net] if isinstance(edge, (Fit, Renew)) else [], nets)
        assert not isinstance(edge, Fit) or 1 <= edge.count <= MOST, "a fit to no samples"
    for turn in phase.turns:
        assert 0 < len(turn.terms) <= PARTS and 1 <= turn.repeat <= PARTS, f"the turn {turn.name}"
        assert 0 <= turn.beta1 < 1 and 0 <= turn.beta2 < 1, f"betas of {turn.name}"
        _known(turn.observes, nets)


def _known(names: Iterable[str], nets: set[str]) -> None:
    missing = sorted({name for name in names if name.partition(".")[0] not in nets})
    assert not missing, f"no network {', '.join(missing)}"


def check_engine(engine: Engine, run: Run) -> None:
    """AssertionError: an engine that there is not."""
    assert engine.precision in ("float32", "bfloat16"), f"a precision {engine.precision!r}"
    assert engine.backend in BACKENDS, f"a backend {engine.backend!r}"
    assert 1 <= engine.accumulate <= run.batch, f"a batch in {engine.accumulate} parts"


def check_header(header: Any) -> None:
    """AssertionError: a state's header without a clock, or with odd notes."""
    assert fits(header, dict[str, Any]), "no header"
    clock, notes = header.get("clock"), header.get("notes")
    assert fits(clock, dict[str, int]) and set(clock) == set(CLOCK) and min(clock.values()) >= 0, "an odd clock"
    assert max(clock.values()) <= MOST, "an odd clock"
    assert fits(notes, dict[str, Any]) and all(fits(notes.get(k), kind) for k, kind in NOTES.items()), "odd notes"
    best = notes["best"]
    numbers = [best.get("value"), best.get("images", 0), best.get("latest", 0.0)]
    assert not best or (fits(best.get("key"), str) and all(fits(n, float) for n in numbers)), "an odd best model"
    assert fits(tuple(notes.get("said", ())), tuple[str, ...]), "odd warnings"


def check_clock(clock: dict[str, int], run: Run, file: Any) -> None:
    """UserError: the clock of a state of another run."""
    phase = clock.get("phase", 0)
    if phase >= len(run.schedule) or clock.get("seen", 0) > run.schedule[phase].images + run.batch:
        raise UserError(f"{file} is a state of another run than its config.json; start the run anew.")


def check_line(line: Any) -> None:
    """AssertionError: no line of a log."""
    assert fits(line, dict[str, Any]), "no line"
    assert fits(line.get("images"), int) and fits(line.get("phase"), str), "a line without its place"
    assert fits(line.get("seconds"), float) and fits(line.get("kind"), str), "a line without its place"
    # A gradient or loss that is not finite is written as it was.
    assert all(isinstance(v, float | int) for v in _dict(line.get("values", {})).values()), "values that are no numbers"
    check_scores(line.get("scores", {}))


def check_scores(scores: Any) -> None:
    """AssertionError: no scores {value, floor, better} by key."""
    for score in _dict(scores).values():
        assert fits(score, dict[str, Any]), "a score without a value"
        value, floor = score.get("value"), score.get("floor")
        assert _is_real(value) and (floor is None or _is_real(floor)), "a score that is no number"
        assert all(_is_real(score.get(mark, 0.0)) for mark in MARKS), "a mark that is no number"
        assert score.get("better") in ("higher", "lower", "nearest"), "a score that is better nowhere"
        assert len(interval := score.get("interval", (0.0, 1.0))) == 2, "an interval without ends"
        assert all(map(_is_real, interval)), "an interval without ends"


def _is_real(value: Any) -> bool:
    """Whether a value is a number, perhaps NaN or infinite, and no whole one that is too large for a float."""
    return isinstance(value, float) or fits(value, float)


def _dict(value: Any) -> dict[str, Any]:
    assert isinstance(value, dict), f"{str(value)[:40]!r} instead of names and values"
    return value
