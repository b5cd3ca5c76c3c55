"""The step and its state: turns in order, averages, clock. Nothing here knows of files, metrics or bars."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from aegean import draw
from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.sets.feed import Feed
from aegean.latent import Quantised
from aegean.model import BATCH, Model
from aegean.nets.blocks import place
from aegean.objectives import Term
from aegean.objectives.term import at, named
from aegean.paths import Paths, noise_for
from aegean.training.balance import balanced, remember
from aegean.training.edges import copy_values
from aegean.training.engine import Engine
from aegean.training.player import Player, backward_passes
from aegean.training.program import Program
from aegean.training.schedule import Copy, Fit, Phase, Renew, Run, Turn
from aegean.training.world import World
from aegean.wirings import find_wiring

EXPLOSION = 1e4  # a gradient this many times its running mean is a fault
FAINT = 1e-3  # a running mean below counts as this: a saturated loss may rest at no gradient at all and come back
SETTLE = 100  # steps of a phase before the running mean is trusted


class Fault(Exception):
    """A loss or gradient went wrong; the update was left out. The message names the term."""


def build(run: Run, purpose: str = "init") -> dict[str, nn.Module]:
    """The run's networks, initialised from its seed and a purpose, without touching the global generator."""
    nets = {}
    for name, spec in run.nets.items():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(draw.key(run.seed, purpose, name) % 2**63)
            nets[name] = spec.build()
    return nets


class Trainer:
    """A run in progress. `step` is the program; `tensors`, `clock` and `load` are its whole state.

    Everything that changes from step to step is a tensor: the counters of images (`at_phase`, `at_run`), rates,
    weights, random numbers. The batch is split among the processes of `world` and, within one, into `engine.accumulate`
    parts; since every draw belongs to a place in the whole batch, the split changes nothing but rounding.
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
        self.run, self.info, self.feed, self.device = run, info, feed, device
        self.engine, self.world = engine or Engine(), world or World()
        self.shards = self.world.size * self.engine.accumulate
        check_split(run, self.world.size, self.engine.accumulate)
        self.wiring = find_wiring(run.wiring)
        self.forward_mode = self.engine.takes_forward_mode(run, device, self.shards)
        self.nets = {name: place(net, device) for name, net in build(run).items()}
        self.phase_number, self.seen, self.images = 0, 0, 0
        self.at_phase, self.at_run, self.part = (torch.zeros((), dtype=torch.int64, device=device) for _ in range(3))
        self.averages: dict[str, nn.Module] = {}
        self.players: list[Player] = []
        self.sums: dict[str, Tensor] = {}
        self.summed = 0
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
        """Start the present phase: edges, fresh optimizers, fresh averages, a fresh program."""
        for edge in self.phase.edges if with_edges else ():
            if isinstance(edge, Copy):
                copy_values(self.nets, edge)
            elif isinstance(edge, Renew):
                fresh = build(self.run, "renewed")[edge.net]
                self.nets[edge.net].load_state_dict(fresh.state_dict())
            elif isinstance(edge, Fit):
                self.nets[edge.net].fit(*self.latents(edge.count, edge.of))  # type: ignore[operator]
        if with_edges:
            self.world.spread(value for net in self.nets.values() for value in net.state_dict().values())
        self.players = [Player(turn, self.nets, self.device, self.shards) for turn in self.phase.turns]
        self.averages = {name: copy.deepcopy(self.nets[name]).requires_grad_(False) for name in self.phase.averages}
        labels = [label for turn in self.phase.turns for label in self._labels(turn)]
        assert len(set(labels)) == len(labels), f"two terms of a turn share a label: {labels}"
        self.sums = {name: torch.zeros((), device=self.device) for name in labels}
        self.observers = {name for turn in self.phase.turns for name in turn.observes}
        self.summed = 0
        self.programs: dict[tuple[str, tuple[int, ...]], Program] = {}
        self.feed.forget()
        self.everyone = [param for net in self.nets.values() for param in net.parameters()]

    def next_phase(self) -> None:
        """Leave the phase: averages become the weights; then enter the next one."""
        for name, average in self.averages.items():
            self.nets[name].load_state_dict(average.state_dict())
        self.phase_number, self.seen = self.phase_number + 1, 0
        self.at_phase.zero_()
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
        self.ready()
        if self.shards == 1:
            self._program("the step", (), self._whole)()
        else:
            self._in_parts()
        self.seen += self.run.batch
        self.images += self.run.batch
        self.summed += 1

    def ready(self) -> None:
        """Have the data of the coming step at hand."""
        for turn in self.phase.turns:
            for repeat in range(turn.repeat):
                self.feed.ready(self._stream(turn, repeat), self.images, self.run.batch)

    def _whole(self) -> None:
        for player in self.players:
            for repeat in range(player.turn.repeat):
                self.play(player, repeat)
        self._end()

    def play(self, player: Player, repeat: int = 0) -> None:
        """One turn: fresh data and noise, each term's gradient to whom it names, one Adam update."""
        losses, grads, sums = self.gradients(player, self._index(), repeat)
        self.update(player, torch.stack([loss.detach() for loss in losses]), grads, sums, repeat)

    def _in_parts(self) -> None:
        """The same, with a sum over parts of the batch, in one vector, between a turn's gradients and its update."""
        for number, player in enumerate(self.players):
            for repeat in range(player.turn.repeat):
                gradients = partial(self.collect, player, repeat)
                for part in range(self.engine.accumulate):
                    self.part.fill_(part)
                    self._program(f"the gradients of turn {player.turn.name}", (number, repeat), gradients)()
                self.world.sum_(player.flat)
                take_over = partial(self._take_over, player, repeat)
                self._program(f"the update of turn {player.turn.name}", (number, repeat), take_over)()
        self._program("the averages", (), self._end)()

    def _program(self, name: str, place: tuple[int, ...], function: Callable[[], None]) -> Program:
        key = name, place
        if key not in self.programs:
            self.programs[key] = Program(
                f"{name} of phase {self.phase.name}", function, *self._everything(), self.engine.backend
            )
        return self.programs[key]

    def collect(self, player: Player, repeat: int = 0) -> None:
        """Add this part's gradients and losses to the player's vector; the first part of a batch starts it anew."""
        flat = player.flatten(*self.gradients(player, self._index(), repeat))
        player.flat.copy_(flat if self.engine.accumulate == 1 else torch.where(self.part > 0, player.flat + flat, flat))

    def _take_over(self, player: Player, repeat: int) -> None:
        """An update from the collected gradients."""
        self.update(player, *player.unflatten(player.flat, self.shards), repeat)

    def update(self, player: Player, losses: Tensor, grads: list[Tensor], sums: list[Tensor], repeat: int = 0) -> None:
        """One Adam update, and what the networks that learn from sums make of them. A bad one, by its losses (terms,)
        or gradients, is left out, and its place kept."""
        progress = self._progress()
        norm = torch.nn.utils.get_total_norm(grads)
        settled = self.at_phase >= SETTLE * self.run.batch
        bad = ~(torch.isfinite(losses).all() & torch.isfinite(norm))
        bad = bad | (settled & (norm > EXPLOSION * player.norm.clamp(min=FAINT)))
        first = bad & (player.fault < 0)
        player.fault.copy_(torch.where(first, self.at_run, player.fault))
        player.fault_repeat.copy_(torch.where(first, torch.full_like(player.fault_repeat, repeat), player.fault_repeat))
        memory = torch.where(self.at_phase > 0, player.norm.lerp(norm, 0.02), norm)
        player.norm.copy_(torch.where(bad, player.norm, memory))
        rate = at(player.turn.lr, progress)
        player.lr.copy_(rate) if isinstance(rate, Tensor) else player.lr.fill_(rate)
        player.update(grads, bad)
        for name, observed in zip(player.turn.observes, sums):
            net: Any = self.nets[name]
            net.observe(torch.where(bad, torch.zeros_like(observed), observed))
        if player.turn.balance:
            remember(player.slopes, sums[-1], self.run.batch, player.count, bad)
        for name, value in zip(self._labels(player.turn), (*losses.unbind(), norm)):
            self.sums[name].add_(value)

    def gradients(
        self, player: Player, index: Tensor, repeat: int = 0, only: Term | None = None
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Unweighted losses of a turn's terms on the samples `index` (B,), the gradients of their weighted sum for
        its parameters, and what is observed for networks that learn from sums, and for the balance.

        Terms share a backward pass where that leads no gradient further than they name. `only`: this one term
        instead of all.
        """
        turn, progress = player.turn, self._progress()
        terms = turn.terms if only is None else (only,)
        self._move_only(player)
        losses: list[Tensor] = []
        with self.engine.autocast(self.device):
            p = self.paths(turn, index, repeat, terms)
            for term in terms:
                losses.append(term(p).mean())
        if turn.balance:
            x = named(p, turn.balance)
            weighted, squares = balanced(turn, terms, losses, x, self.info.inside(x), player.slopes, progress)
        else:
            weighted = [loss * at(term.weight, progress) for loss, term in zip(losses, terms)]
        if terms not in player.passes:
            player.passes[terms] = backward_passes(self.nets, terms, weighted)
        total: dict[str, Tensor] = {}
        for together, params in player.passes[terms]:
            first, *others = (weighted[i] for i in together)
            grads = torch.autograd.grad(
                sum(others, first),
                list(params.values()),
                retain_graph=together is not player.passes[terms][-1][0],
                materialize_grads=True,
            )
            for name, grad in zip(params, grads):
                total[name] = total[name] + grad if name in total else grad
        with torch.no_grad():
            sums = [p.observed(name) for name in turn.observes] + ([squares] if turn.balance else [])
        return losses, [total.get(name, torch.zeros_like(q)) for name, q in player.params.items()], sums

    def paths(self, turn: Turn, index: Tensor, repeat: int = 0, terms: Iterable[Term] = ()) -> Paths:
        """The paths of a turn for the samples `index` (B,), which the feed has ready."""
        batch = self.feed.batch(self._stream(turn, repeat), index)
        noise = noise_for(index, self.run.seed, self.phase.name, turn.name, repeat)
        gradients, float32 = (frozenset(n for t in terms for n in getattr(t, a)) for a in ("gradients", "float32"))
        return self.wiring(self.nets, batch, noise, gradients, self.forward_mode, float32)

    @property
    def compiling(self) -> float:
        """Seconds that the programs of this phase took to compile."""
        return sum(program.seconds for program in self.programs.values())

    def wait(self) -> None:
        """Until the device has done all that was asked of it; a clock read before says too little."""
        if self.device.type != "cpu":
            torch.accelerator.synchronize()

    @property
    def faulty(self) -> bool:
        """Whether an update was left out."""
        return any(int(player.fault) >= 0 for player in self.players)

    def blame(self) -> str | None:
        """If an update was left out: which turn and term, in words. None if all is well."""
        for player in self.players:
            start = int(player.fault)
            if start < 0:
                continue
            repeat = int(player.fault_repeat)
            self.feed.ready(self._stream(player.turn, repeat), start, self.run.batch, whole=True)
            parts = (start + torch.arange(self.run.batch, device=self.device)).chunk(self.shards)
            worst, label, what = -1.0, "", ""
            for term in player.turn.terms:
                found = [self.gradients(player, index, repeat, only=term) for index in parts]
                loss = sum(float(losses[0].detach()) for losses, _, _ in found) / len(parts)
                means = [sum(grads[1:], grads[0]) / len(parts) for grads in zip(*(grads for _, grads, _ in found))]
                norm = float(torch.nn.utils.get_total_norm(means))
                badness = norm if math.isfinite(loss) and math.isfinite(norm) else math.inf
                if badness > worst:
                    worst, label, what = badness, term.label, f"loss {loss:.4g}, gradient {norm:.4g}"
            usual = f", usually {float(player.norm):.4g}" if player.norm > 0 else ""
            return f"{label} in turn {player.turn.name!r} at image {start:,}: {what}{usual}"
        return None

    def model(self, about: dict[str, Any] | None = None) -> Model:
        """The model as it stands: averages where they are kept. It shares the trainer's tensors."""
        keep = [name for name in self.run.nets if name not in self.run.training_only]
        nets = {name: self.averages.get(name, self.nets[name]) for name in keep}
        return Model({n: self.run.nets[n] for n in keep}, nets, self.info, self.run.bound, about, self.run.wiring)

    def latents(self, count: int, of: str = "latents") -> tuple[Tensor, Tensor | None]:
        """Latents (n, latent), drawn from the posterior, and labels of the first n = min(count, all) samples; or
        "features" (n, *level), of the encoder's last level."""
        n = min(count, self.feed.count)
        zs, ys = [], []
        for start in range(0, n, BATCH):
            size = min(BATCH, n - start)
            batch = self.feed.take("latents", start, size)
            noise = noise_for(torch.arange(start, start + size, device=self.device), self.run.seed, "latents")
            nets = {name: net for name, net in self.nets.items() if name != "corruption"}
            with torch.no_grad():
                paths = self.wiring(nets, batch, noise)
                zs.append(paths.features[-1] if of == "features" else paths.latent.z)
            ys.append(batch.labels)
        return torch.cat(zs), None if ys[0] is None else torch.cat(ys)  # type: ignore[arg-type]

    def means(self) -> dict[str, float]:
        """Mean losses and gradient norms since the last call, which starts them anew; of a quantised bottleneck, how
        its codes are used."""
        out = {}
        for (turn_name, _, rest), value in ((name.partition("/"), v) for name, v in self.sums.items()):
            repeat = next(t.repeat for t in self.phase.turns if t.name == turn_name)
            out[f"{turn_name}/{rest}"] = float(value) / max(1, self.summed * repeat)
            value.zero_()
        self.summed = 0
        for name in sorted(self.observers):
            if isinstance(net := self.nets[name], Quantised):
                out |= {f"{name}/{key}": value for key, value in net.use().items()}
        return out

    # state

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state, by a flat name."""
        out: dict[str, Tensor] = {}
        for prefix, group in (("net", self.nets), ("average", self.averages)):
            for name, net in group.items():
                out.update({f"{prefix}/{name}/{k}": v for k, v in net.state_dict().items()})
        for player in self.players:
            out.update({f"player/{player.turn.name}/{k}": v for k, v in player.tensors().items()})
        out.update({f"sum/{k}": v for k, v in self.sums.items()})
        return out

    def clock(self) -> dict[str, int]:
        return {
            "phase": self.phase_number,
            "seen": self.seen,
            "images": self.images,
            "summed": self.summed,
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
        self.seen, self.images, self.summed = clock["seen"], clock["images"], clock["summed"]
        self.at_phase.fill_(self.seen)
        self.at_run.fill_(self.images)

    def _move_only(self, player: Player) -> None:
        moving = set(map(id, player.params.values()))
        for param in self.everyone:
            param.requires_grad_(id(param) in moving)

    @torch.no_grad()
    def _end(self) -> None:
        """The clock goes on, and the averages follow the weights."""
        self.at_phase.add_(self.run.batch)
        self.at_run.add_(self.run.batch)
        half_life = (0.1 * self.at_phase).clamp(max=self.phase.half_life * self.phase.images)
        weight = 1 - torch.exp2(-self.run.batch / half_life)
        for name, average in self.averages.items():
            now: list[Tensor] = list(self.nets[name].parameters())
            kept: list[Tensor] = list(average.parameters())
            torch._foreach_lerp_(kept, now, [weight] * len(now))
            if name in self.observers:  # what learns from sums is an average already
                for mine, theirs in zip(average.buffers(), self.nets[name].buffers()):
                    mine.copy_(theirs)

    def _index(self) -> Tensor:
        """The global sample index of this part of the batch: (B / shards,) int64."""
        size = self.run.batch // self.shards
        place = (self.world.rank * self.engine.accumulate + self.part) * size
        return self.at_run + place + torch.arange(size, device=self.device)

    def _progress(self) -> Tensor:
        return self.at_phase.float() / self.phase.images

    def _stream(self, turn: Turn, repeat: int) -> str:
        return f"{self.phase.name}/{turn.name}/{repeat}"

    def _labels(self, turn: Turn) -> list[str]:
        return [*(f"{turn.name}/{term.label}" for term in turn.terms), f"{turn.name}/gradient"]

    def _everything(self) -> tuple[list[Tensor], list[Tensor]]:
        """Every tensor that a step changes, and every one that it only reads."""
        moving = [self.at_phase, self.at_run, self.part, *self.sums.values()]
        for player in self.players:
            moving += player.everything()
        for net in (*self.nets.values(), *self.averages.values()):
            moving += [*net.parameters(), *net.buffers()]
        return moving, self.feed.tensors()


def check_split(run: Run, processes: int, parts: int) -> None:
    """UserError: the batch cannot be split so; what can be."""
    shards = processes * parts
    packs = [int(spec.args.get("pack", 1)) for spec in run.nets.values()]
    unit = shards * math.lcm(*packs)
    if run.batch % unit:
        what = f"{processes} processes with {parts} parts each" if processes > 1 else f"{parts} parts"
        raise UserError(
            f"A batch of {run.batch} cannot be split evenly among {what}: give --batch a multiple of {unit}, such as "
            f"{-(-run.batch // unit) * unit}."
        )
    for term in (term for phase in run.schedule for turn in phase.turns for term in turn.terms):
        if term.couples and shards > 1:
            raise UserError(f"{term.label} needs the whole batch at once: give one process, and no --accumulate.")
