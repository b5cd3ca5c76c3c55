"""A run in progress: its schedule and its state. Nothing here knows of files, metrics or bars."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from aegean import draw
from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.sets.feed import Feed
from aegean.latent import MappingPrior
from aegean.model import BATCH, Model
from aegean.nets.blocks import place
from aegean.paths import Noise, noise_for
from aegean.surface import option
from aegean.training import mapping
from aegean.training.blame import blame
from aegean.training.edges import copy_values
from aegean.training.engine import Engine
from aegean.training.schedule import Copy, Fit, Phase, Renew, Run
from aegean.training.step import Clock, Step
from aegean.training.world import World


def build(run: Run, purpose: str = "init") -> dict[str, nn.Module]:
    """The run's networks, initialised from its seed and a purpose, without touching the global generator."""
    nets = {}
    for name, spec in run.nets.items():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(draw.key(run.seed, purpose, name) % 2**63)
            nets[name] = spec.build()
    return nets


class Trainer:
    """A run in progress: iterating over it trains to the end. `tensors`, `clock` and `load` are its whole state;
    `current` is the step of the present phase.

    Everything that changes from step to step is a tensor: counters of images, rates, weights, random numbers. The
    batch is split among the processes of `world` and, within one, into `engine.accumulate` parts; since every draw
    belongs to a place in the whole batch, the split changes nothing but rounding.

    run: what is trained.
    info: the data as the model knows them.
    feed: gives the batches, on `device`.
    engine: how a step is carried out; None: eager, in float32.
    world: the processes that train together; None: this one alone.
    """

    def __init__(
        self,
        run: Run,
        info: DataInfo,
        feed: Feed,
        device: torch.device,
        engine: Engine | None = None,
        world: World | None = None,
    ):
        self.run, self.info, self.device = run, info, device
        self.feed = feed.mirrored() if run.mirrored else feed
        self.engine, self.world = engine or Engine(), world or World()
        check_split(run, self.world.size, self.engine.accumulate)
        self.nets = {name: place(net, device) for name, net in build(run).items()}
        self.phase_number, self.seen, self.images = 0, 0, 0
        self.placed = 0  # images of the run where it was resumed
        self.at = Clock(device)
        self.enter(with_edges=False)

    @property
    def phase(self) -> Phase:
        return self.run.schedule[self.phase_number]

    @property
    def done(self) -> bool:
        return self.phase_number == len(self.run.schedule) - 1 and self.phase_ended

    @property
    def phase_ended(self) -> bool:
        return self.seen >= self.phase.images

    def enter(self, with_edges: bool = True) -> None:
        """Start the present phase: edges, then a fresh step: optimizers, averages, programs."""
        for edge in self.phase.edges if with_edges else ():
            if isinstance(edge, Copy):
                copy_values(self.nets, edge)
            elif isinstance(edge, Renew):
                fresh = build(self.run, "renewed")[edge.net]
                self.nets[edge.net].load_state_dict(fresh.state_dict())
            elif isinstance(edge, Fit):
                fit(self.nets[edge.net], *self.given(edge))
        if with_edges:
            self.world.spread(value for net in self.nets.values() for value in net.state_dict().values())
        self.current = Step(self.run, self.phase, self.nets, self.at, self.feed, self.engine, self.world)
        self.feed.forget()

    def next_phase(self) -> None:
        """Leave the phase: averages become the weights; then enter the next one."""
        for name, average in self.current.averages.items():
            self.nets[name].load_state_dict(average.state_dict())
        self.phase_number, self.seen = self.phase_number + 1, 0
        self.at.go_to(0, self.images)
        self.enter()

    def __iter__(self) -> Iterator[bool]:
        """Train to the end: False after each step, True where a phase has begun and no step of it is taken."""
        while not self.done:
            if self.phase_ended:
                self.next_phase()
                yield True
            self.step()
            yield False

    def step(self) -> None:
        """One step: every turn once (or as often as it repeats), averages, clock."""
        self.current(self.images)
        self.seen += self.run.batch
        self.images += self.run.batch

    @property
    def compiling(self) -> float:
        """Seconds that the programs of this phase took to compile."""
        return sum(program.seconds for program in self.current.programs.values())

    def wait(self) -> None:
        """Until the device has done all that was asked of it; a clock read before says too little."""
        if self.device.type != "cpu":
            torch.accelerator.synchronize()

    def blame(self) -> str | None:
        """If an update of this phase was left out: which turn and term, in words. None if all is well."""
        return blame(self.current)

    def means(self) -> dict[str, float]:
        """Mean losses and gradient norms since the last call, which starts them anew."""
        return self.current.means()

    def model(self, about: dict[str, Any] | None = None) -> Model:
        """The model as it stands: averages where they are kept. It shares the trainer's tensors."""
        return self._model(self.current.averages, about)

    def _model(self, averages: Mapping[str, nn.Module], about: dict[str, Any] | None = None) -> Model:
        keep = [name for name in self.run.nets if name not in self.run.training_only]
        nets = {name: averages.get(name, self.nets[name]) for name in keep}
        return Model({n: self.run.nets[n] for n in keep}, nets, self.info, self.run.bound, about, self.run.wiring)

    def latents(self, count: int, of: str = "latents") -> tuple[Tensor, Tensor | None]:
        """Latents (n, latent), drawn from the posterior, and labels of the first n = min(count, all) samples; or
        "features" (n, *level), of the encoder's last level."""
        model, n = self._model({}), min(count, self.feed.count)
        path = "latent.z" if of == "latents" else lambda paths: paths.features[-1]
        zs, ys = [], []

        def noise(index: Tensor) -> Noise:
            return noise_for(index, self.run.seed, "latents")

        for start in range(0, n, BATCH):
            batch = self.feed.take("latents", start, min(BATCH, n - start))
            zs.append(model.run(path, batch, start=start, noise=noise))
            ys.append(batch.labels)
        return torch.cat(zs), None if ys[0] is None else torch.cat(ys)  # type: ignore[arg-type]

    def given(self, edge: Fit) -> tuple[Tensor, Tensor | None]:
        """What a network is fitted to: of n = min(count, all) samples the latents and labels, the features, or the
        samples (n, *shape) in model range, with those of the other side where there is one."""
        if edge.of not in ("samples", "sides"):
            return self.latents(edge.count, edge.of)
        batch = self.feed.take(edge.of, 0, min(edge.count, self.feed.count))
        assert edge.of == "samples" or batch.target is not None, "there is one side"
        return batch.x, batch.target

    # state

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state, by a flat name."""
        return self.current.tensors()

    def clock(self) -> dict[str, int]:
        """The rest of the state: the number of the phase, images seen in it and in all, steps in the sums."""
        return {
            "phase": self.phase_number,
            "seen": self.seen,
            "images": self.images,
            "summed": self.current.summed,
        }

    def load(self, tensors: dict[str, Tensor], clock: dict[str, int]) -> None:
        """Become the trainer whose `tensors()` and `clock()` these are. LookupError: one is missing."""
        self.place(clock)
        for name, mine in self.tensors().items():
            mine.copy_(tensors[name])

    def place(self, clock: dict[str, int]) -> None:
        """Go to a point of the schedule; the values of its tensors are still to come."""
        self.phase_number = clock["phase"]
        self.enter(with_edges=False)
        self.seen, self.images, self.current.summed = clock["seen"], clock["images"], clock["summed"]
        self.at.go_to(self.seen, self.images)
        self.placed = self.images


def fit(net: Any, z: Tensor, labels: Tensor | None = None) -> None:
    """Fit a prior or a bottleneck to latents or features z (n, ...), with labels (n,) where it has classes, or what
    takes two sides, to samples of both: by its own formula. A mapping network is fitted by training, some 30 s on one
    core, the same for the same latents. UserError: latents that are too few or not finite, or a training that diverged;
    the network is then what it was."""
    if not isinstance(net, MappingPrior):
        net.fit(z, labels)
        return
    run, device = mapping.mapping_run(net), net.mean.device
    info, rows, mean, factor = mapping.latent_data(net, z)
    feed = Feed(info, rows, labels.cpu().numpy() if net.classes and labels is not None else None, device, run.seed)
    trainer = Trainer(run, info, feed, device)
    with torch.enable_grad():
        steps = run.images // run.batch
        for _ in tqdm(trainer, "fitting the mapping network", steps, unit="step", leave=False, disable=None):
            pass
    if trainer.blame():
        raise UserError("The mapping network's training diverged on these latents; fit a mixture instead.")
    mapping.take_over(net, trainer.current.averages["prior"], mean, factor)


def check_split(run: Run, processes: int, parts: int) -> None:
    """UserError: the batch cannot be split so; what can be."""
    if parts < 1:
        raise UserError(f"{option('accumulate', parts)}: expected a whole number from 1 on.")
    shards = processes * parts
    packs = [int(spec.args.get("pack", 1)) for spec in run.nets.values()]
    unit = shards * math.lcm(*packs)
    if run.batch % unit:
        what = f"{processes} processes with {parts} parts each" if processes > 1 else f"{parts} parts"
        raise UserError(
            f"A batch of {run.batch} cannot be split evenly among {what}: give {option('batch')} a multiple of {unit}, "
            f"such as {-(-run.batch // unit) * unit}."
        )
    for term in (term for phase in run.schedule for turn in phase.turns for term in turn.terms):
        if term.couples and shards > 1:
            raise UserError(
                f"{term.label} needs the whole batch at once: give one process, and no {option('accumulate')}."
            )
