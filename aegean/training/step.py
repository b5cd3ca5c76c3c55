"""One step of a phase: for each turn its gradients and its update, then averages and clock."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from aegean.data.kinds import inside
from aegean.data.sets.feed import Feed
from aegean.latent import Quantised
from aegean.objectives import Term
from aegean.objectives.term import at, named
from aegean.paths import Paths, noise_for
from aegean.training.balance import balanced, remember
from aegean.training.engine import Engine
from aegean.training.guard import guard
from aegean.training.player import Player, backward_passes
from aegean.training.program import Program
from aegean.training.schedule import Phase, Run, Turn
from aegean.training.world import World
from aegean.wirings import find_wiring

Gradients = tuple[list[Tensor], list[Tensor], list[Tensor]]  # losses, gradients, sums observed


class Clock:
    """Where a run is, on its device: images of the phase and of the run before this step, and the part of the batch
    that is being computed; () int64 each."""

    def __init__(self, device: torch.device):
        self.at_phase, self.at_run, self.part = (torch.zeros((), dtype=torch.int64, device=device) for _ in range(3))

    def go_to(self, seen: int, images: int) -> None:
        self.at_phase.fill_(seen)
        self.at_run.fill_(images)


class Step:
    """The step of a phase, called once for each batch. It holds what lasts as long as the phase: its players with
    their optimizers, averages of weights, sums of losses, and the programs that the step is recorded as.

    run, phase: what is trained, and the part of its schedule.
    nets: by name; the step moves their weights.
    clock: the run's.
    feed: gives the batches.
    engine: how the step is carried out.
    world: the processes that share the batch.
    """

    def __init__(
        self,
        run: Run,
        phase: Phase,
        nets: dict[str, nn.Module],
        clock: Clock,
        feed: Feed,
        engine: Engine,
        world: World,
    ):
        self.run, self.phase, self.nets, self.clock, self.feed = run, phase, nets, clock, feed
        self.engine, self.world, self.device = engine, world, feed.device
        self.wiring = find_wiring(run.wiring)
        self.shards = world.size * engine.accumulate
        self.forward_mode = engine.takes_forward_mode(run, self.device, self.shards)
        self.players = [Player(turn, nets, self.device, self.shards, bool(engine.backend)) for turn in phase.turns]
        self.averages = {name: copy.deepcopy(nets[name]).requires_grad_(False) for name in phase.averages}
        self.pairs: list[tuple[list[Tensor], list[Tensor]]] = [  # of averages, and what they follow
            (list(average.parameters()), list(nets[name].parameters())) for name, average in self.averages.items()
        ]
        names = [label for turn in phase.turns for label in labels(turn)]
        assert len(set(names)) == len(names), f"two terms of a turn share a label: {names}"
        self.sums = {name: torch.zeros((), device=self.device) for name in names}
        self.summed = 0  # steps in the sums
        self.observers = {name for turn in phase.turns for name in turn.observes}
        self.programs: dict[tuple[str, tuple[int, ...]], Program] = {}
        self.everyone = [param for net in nets.values() for param in net.parameters()]

    def __call__(self, images: int) -> None:
        """Every turn once (or as often as it repeats), averages, clock. images: of the run, before this step."""
        self.ready(images)
        if self.shards == 1:
            self._program("the step", (), self._whole)()
        else:
            self._in_parts()
        self.summed += 1

    def ready(self, images: int) -> None:
        """Have the data of the step at hand that begins after so many images of the run."""
        for turn in self.phase.turns:
            for repeat in range(turn.repeat):
                self.feed.ready(self.stream(turn, repeat), images, self.run.batch)

    def _whole(self) -> None:
        for player in self.players:
            for repeat in range(player.turn.repeat):
                self.play(player, repeat)
        self._end()

    def play(self, player: Player, repeat: int = 0) -> None:
        """One turn: fresh data and noise, each term's gradient to whom it names, one Adam update."""
        losses, grads, sums = self.gradients(player, self.index(), repeat)
        self.update(player, torch.stack([loss.detach() for loss in losses]), grads, sums, repeat)

    def _in_parts(self) -> None:
        """The same, with a sum over parts of the batch, in one vector, between a turn's gradients and its update."""
        for number, player in enumerate(self.players):
            for repeat in range(player.turn.repeat):
                gradients = partial(self.collect, player, repeat)
                for part in range(self.engine.accumulate):
                    self.clock.part.fill_(part)
                    self._program(f"the gradients of turn {player.turn.name}", (number, repeat), gradients)()
                self.world.sum_(player.flat)
                take_over = partial(self._take_over, player, repeat)
                self._program(f"the update of turn {player.turn.name}", (number, repeat), take_over)()
        self._program("the averages", (), self._end)()

    def _program(self, name: str, place: tuple[int, ...], function: Callable[[], None]) -> Program:
        key = name, place
        if key not in self.programs:
            whole = f"{name} of phase {self.phase.name}"
            self.programs[key] = Program(whole, function, self._moving(), self.feed.tensors(), self.engine.backend)
        return self.programs[key]

    def collect(self, player: Player, repeat: int = 0) -> None:
        """Add this part's gradients and losses to the player's vector; the first part of a batch starts it anew."""
        flat = player.flatten(*self.gradients(player, self.index(), repeat))
        whole = self.engine.accumulate == 1
        player.flat.copy_(flat if whole else torch.where(self.clock.part > 0, player.flat + flat, flat))

    def _take_over(self, player: Player, repeat: int) -> None:
        """An update from the collected gradients."""
        self.update(player, *player.unflatten(player.flat, self.shards), repeat)

    def update(self, player: Player, losses: Tensor, grads: list[Tensor], sums: list[Tensor], repeat: int = 0) -> None:
        """One Adam update, and what the networks that learn from sums make of them; a bad one is left out.

        player: whose update.
        losses (terms,): of the turn's terms, unweighted.
        grads: of the player's parameters.
        sums: what is observed for networks that learn from sums, and for the balance.
        repeat: which of the turn's updates in this step.
        """
        progress = self.progress()
        norm = torch.nn.utils.get_total_norm(grads)
        bad = guard(player, losses, norm, self.clock.at_phase, self.clock.at_run, self.run.batch, repeat)
        rate = at(player.turn.lr, progress)
        player.lr.copy_(rate) if isinstance(rate, Tensor) else player.lr.fill_(rate)
        player.update(grads, bad)
        for name, observed in zip(player.turn.observes, sums):
            net: Any = self.nets[name]
            net.observe(torch.where(bad, torch.zeros_like(observed), observed))
        if player.turn.balance:
            remember(player.slopes, sums[-1], self.run.batch, player.count, bad)
        for name, value in zip(labels(player.turn), (*losses.unbind(), norm)):
            self.sums[name].add_(value)

    def gradients(self, player: Player, index: Tensor, repeat: int = 0, only: Term | None = None) -> Gradients:
        """Unweighted losses of a turn's terms on the samples `index` (B,), the gradients of their weighted sum for
        its parameters, and what is observed for networks that learn from sums, and for the balance.

        Terms share a backward pass where that leads no gradient further than they name. `only`: this one term
        instead of all.
        """
        turn, progress = player.turn, self.progress()
        terms = turn.terms if only is None else (only,)
        self.move_only(player)
        with self.engine.autocast(self.device):
            p = self.paths(turn, index, repeat, terms)
            losses = [term(p).mean() for term in terms]
        if turn.balance:
            x = named(p, turn.balance)
            bounds = inside(self.feed.info, x)
            weighted, squares = balanced(turn, terms, losses, x, bounds, player.slopes, progress)
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
        return losses, [total[k] if k in total else torch.zeros_like(p) for k, p in player.params.items()], sums

    def paths(self, turn: Turn, index: Tensor, repeat: int = 0, terms: Iterable[Term] = ()) -> Paths:
        """The paths of a turn for the samples `index` (B,), which the feed has ready."""
        batch = self.feed.batch(self.stream(turn, repeat), index)
        noise = noise_for(index, self.run.seed, self.phase.name, turn.name, repeat)
        gradients = {name: every for term in terms for name, every in term.gradients.items()}
        float32 = {name for term in terms for name in term.float32}
        return self.wiring(self.nets, batch, noise, gradients, self.forward_mode, float32)

    def move_only(self, player: Player) -> None:
        """Only the player's parameters require gradients."""
        moving = set(map(id, player.params.values()))
        for param in self.everyone:
            param.requires_grad_(id(param) in moving)

    @torch.no_grad()
    def _end(self) -> None:
        """The clock goes on, and the averages follow the weights."""
        self.clock.at_phase.add_(self.run.batch)
        self.clock.at_run.add_(self.run.batch)
        shortest = self.phase.half_life * self.phase.images if self.phase.trained else 0.0
        half_life = (0.1 * self.clock.at_phase).clamp(shortest, self.phase.half_life * self.phase.images)
        weight = 1 - torch.exp2(-self.run.batch / half_life)
        for kept, now in self.pairs:
            torch._foreach_lerp_(kept, now, [weight] * len(now))
        for name, average in self.averages.items():
            if name in self.observers:  # what learns from sums is an average already
                for mine, theirs in zip(average.buffers(), self.nets[name].buffers()):
                    mine.copy_(theirs)

    def index(self) -> Tensor:
        """The global sample index of this part of the batch: (B / shards,) int64."""
        size = self.run.batch // self.shards
        place = (self.world.rank * self.engine.accumulate + self.clock.part) * size
        return self.clock.at_run + place + torch.arange(size, device=self.device)

    def progress(self) -> Tensor:
        """Of the phase, () in [0, 1]."""
        return self.clock.at_phase.float() / self.phase.images

    def stream(self, turn: Turn, repeat: int) -> str:
        """The name of the stream of data that a turn takes."""
        return f"{self.phase.name}/{turn.name}/{repeat}"

    def means(self) -> dict[str, float]:
        """Mean losses and gradient norms since the last call, which starts them anew; of a quantised bottleneck, how
        its codes are used."""
        repeats = {turn.name: turn.repeat for turn in self.phase.turns}
        out = {}
        for name, value in self.sums.items():
            out[name] = float(value) / max(1, self.summed * repeats[name.partition("/")[0]])
            value.zero_()
        self.summed = 0
        for name in sorted(self.observers):
            if isinstance(net := self.nets[name], Quantised):
                out |= {f"{name}/{key}": value for key, value in net.use().items()}
        return out

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor that must be kept to resume, by a flat name."""
        out: dict[str, Tensor] = {}
        for prefix, group in (("net", self.nets), ("average", self.averages)):
            for name, net in group.items():
                out.update({f"{prefix}/{name}/{k}": v for k, v in net.state_dict().items()})
        for player in self.players:
            out.update({f"player/{player.turn.name}/{k}": v for k, v in player.tensors().items()})
        out.update({f"sum/{k}": v for k, v in self.sums.items()})
        return out

    def _moving(self) -> list[Tensor]:
        """Every tensor that a step changes."""
        moving = [self.clock.at_phase, self.clock.at_run, self.clock.part, *self.sums.values()]
        for player in self.players:
            moving += player.everything()
        for net in (*self.nets.values(), *self.averages.values()):
            moving += [*net.parameters(), *net.buffers()]
        return moving


def labels(turn: Turn) -> list[str]:
    """The names of a turn's numbers in the log: its terms' losses, and the norm of its gradient."""
    return [*(f"{turn.name}/{term.label}" for term in turn.terms), f"{turn.name}/gradient"]
