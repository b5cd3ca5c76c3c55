"""What is trained, when, and by whom: a Run is networks and a list of phases; a phase is a list of turns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Literal

from aegean.config import Config, Net
from aegean.objectives import Ramp, Term


@dataclass(frozen=True)
class Turn(Config):
    """One player's update: its terms, its rates, its own Adam state. It trains whom its terms name.

    `observes` names networks with buffers that learn from sums over the turn's batch, once for each update: codebooks,
    tables of counts. `balance` names a path: the weights of those terms that go through it, but the first of the turn,
    are shares of the first one's pull there (`training.balance`).
    """

    name: str
    terms: tuple[Term, ...]
    lr: float | Ramp = 2e-4
    beta1: float = 0.0
    beta2: float = 0.99
    repeat: int = 1
    observes: tuple[str, ...] = ()
    balance: str = ""

    @property
    def trains(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for term in self.terms for name in term.trains))


@dataclass(frozen=True)
class Edge(Config, ABC):
    """What moves between networks before the first step of a phase; `words` say it to a person."""

    @property
    @abstractmethod
    def words(self) -> str: ...


@dataclass(frozen=True)
class Copy(Edge):
    """The values of `source` move into `target` at a phase's start: networks, or parts of them ("D.backbone").

    Every parameter of the target takes the source's of the same name; a packed discriminator's first layer
    takes it repeated along its inputs.
    """

    source: str
    target: str

    @property
    def words(self) -> str:
        return f"{self.source} becomes {self.target}"


@dataclass(frozen=True)
class Fit(Edge):
    """Network `net` is fitted at a phase's start to `count` training samples: a prior or a bottleneck to what the
    encoder makes of them, their latents or the features of its last level; others to the samples themselves, or to
    those of both sides."""

    net: str = "prior"
    count: int = 20_000
    of: Literal["latents", "features", "samples", "sides"] = "latents"

    @property
    def words(self) -> str:
        return f"{self.net} is fitted to {'both sides' if self.of == 'sides' else f'the {self.of}'}"


@dataclass(frozen=True)
class Renew(Edge):
    """Network `net` begins anew, from random values."""

    net: str

    @property
    def words(self) -> str:
        return f"{self.net} begins anew"


@dataclass(frozen=True)
class Phase(Config):
    """Turns in order, once a step; edges before the first step; an average of some networks' weights.

    `images` is the phase's budget. `averages` names the networks that keep an exponential moving average of
    `half_life`, a fraction of the phase; where those begin untrained, never longer than a tenth of the images seen in
    it, so that their beginnings are forgotten; `trained` says that they need no forgetting. Evaluation, saving, edges
    and the next phase take the average.
    """

    name: str
    images: int
    turns: tuple[Turn, ...]
    edges: tuple[Edge, ...] = ()
    averages: tuple[str, ...] = ()
    half_life: float = 0.02
    trained: bool = False

    @property
    def trains(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.split(".")[0] for turn in self.turns for name in turn.trains))


@dataclass(frozen=True)
class Run(Config):
    """Everything that training does: networks by name, phases, batch, seed.

    `bound` are the terms whose sum is minus the evidence bound, in bits, where the model has one.
    `training_only` names networks that no verb of the finished model needs. `wiring` names the paths between them
    (`paths.WIRINGS`). `mirrored`: training also sees all samples mirrored left to right. `capped`: it has fewer images
    than were asked for, beyond which more would do harm.
    """

    nets: dict[str, Net]
    schedule: tuple[Phase, ...]
    batch: int = 64
    seed: int = 0
    bound: tuple[Term, ...] = ()
    training_only: tuple[str, ...] = field(default=("corruption",))
    wiring: str = "standard"
    mirrored: bool = False
    capped: bool = False

    @property
    def images(self) -> int:
        return sum(phase.images for phase in self.schedule)

    def with_images(self, total: int, finished: int = 0) -> Run:
        """The same schedule on another budget: phases from number `finished` on share what the finished ones
        leave, in their present proportions, in whole steps (at least one each)."""
        fixed, open_ = self.schedule[:finished], self.schedule[finished:]
        left = total - sum(phase.images for phase in fixed)
        share = sum(phase.images for phase in open_)
        phases, taken, done = [], 0.0, 0
        for phase in open_:
            taken += left * phase.images / share
            steps = max(1, round(taken / self.batch) - done)
            done += steps
            phases.append(phase.replace(images=steps * self.batch))
        return self.replace(schedule=(*fixed, *phases))
