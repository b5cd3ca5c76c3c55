"""The step and its state: turns in order, averages, clock. Nothing here knows of files, metrics or bars."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from aegean import draw
from aegean.data.info import DataInfo
from aegean.data.loader import Feed
from aegean.model import BATCH, Model
from aegean.objectives import Term
from aegean.objectives.term import at
from aegean.paths import Paths, noise_for
from aegean.training.edges import copy_values
from aegean.training.player import Player, like, parameters
from aegean.training.schedule import Copy, Fit, Phase, Run, Turn

EXPLOSION = 1e4  # a gradient this many times its running mean is a fault
FAINT = 1e-3  # a running mean below counts as this: a saturated loss may rest at no gradient at all and come back
SETTLE = 100  # steps of a phase before the running mean is trusted


class Fault(Exception):
    """A loss or gradient went wrong; the update was left out. The message names the term."""


def build(run: Run) -> dict[str, nn.Module]:
    """The run's networks, initialised from its seed without touching the global generator."""
    nets = {}
    for name, spec in run.nets.items():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(draw.key(run.seed, "init", name) % 2**63)
            nets[name] = spec.build()
    return nets


class Trainer:
    """A run in progress. `step` is the program; `tensors`, `clock` and `load` are its whole state."""

    def __init__(self, run: Run, info: DataInfo, feed: Feed, device: torch.device):
        self.run, self.info, self.feed, self.device = run, info, feed, device
        self.nets = {name: net.to(device) for name, net in build(run).items()}
        if device.type != "mps":
            self.nets = {name: net.to(memory_format=torch.channels_last) for name, net in self.nets.items()}  # type: ignore[call-overload]
        self.forward_mode = device.type == "cuda"  # on a CPU double backward is the faster exact form
        self.phase_number, self.seen, self.images = 0, 0, 0
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
        """Start the present phase: edges, fresh optimizers, fresh averages."""
        for edge in self.phase.edges if with_edges else ():
            if isinstance(edge, Copy):
                copy_values(self.nets, edge)
            elif isinstance(edge, Fit):
                self.nets[edge.net].fit(*self.latents(edge.count))  # type: ignore[operator]
        self.players = [Player(turn, self.nets, self.device) for turn in self.phase.turns]
        self.averages = {name: copy.deepcopy(self.nets[name]).requires_grad_(False) for name in self.phase.averages}
        labels = [f"{turn.name}/{term.label}" for turn in self.phase.turns for term in turn.terms]
        norms = [f"{turn.name}/gradient" for turn in self.phase.turns]
        assert len(set(labels)) == len(labels), f"two terms of a turn share a label: {labels}"
        self.sums = {name: torch.zeros((), device=self.device) for name in (*labels, *norms)}
        self.summed = 0

    def next_phase(self) -> None:
        """Leave the phase: averages become the weights; then enter the next one."""
        for name, average in self.averages.items():
            self.nets[name].load_state_dict(average.state_dict())
        self.phase_number, self.seen = self.phase_number + 1, 0
        self.enter()

    def step(self) -> None:
        """One step: every turn once (or as often as it repeats), averages, clock."""
        for player in self.players:
            for repeat in range(player.turn.repeat):
                self.play(player, repeat)
        self.seen += self.run.batch
        self.images += self.run.batch
        self.summed += 1
        self._average()

    def play(self, player: Player, repeat: int = 0) -> None:
        """One turn: fresh data and noise, each term's gradient to whom it names, one Adam update."""
        turn = player.turn
        progress = self.seen / self.phase.images
        losses, grads = self.gradients(player, progress, self.images, repeat)
        norm = torch.nn.utils.get_total_norm(grads)
        bad = ~torch.isfinite(torch.stack([*losses, norm])).all()
        if self.seen >= SETTLE * self.run.batch:
            bad = bad | (norm > EXPLOSION * player.norm.clamp(min=FAINT))
        first = bad & (player.fault < 0)
        player.fault.copy_(torch.where(first, self.images, player.fault))
        player.norm.copy_(torch.where(bad, player.norm, player.norm.lerp(norm, 0.02 if self.seen else 1.0)))
        for param, grad in zip(player.params.values(), grads):
            param.grad = like(grad, param)
        player.lr.fill_(at(turn.lr, progress))
        player.adam.found_inf = bad.float()  # the fused update leaves a bad step out by itself
        if player.adam.defaults["fused"] or not bad:
            player.adam.step()
        for param in player.params.values():
            param.grad = None
        for name, value in zip(self._labels(turn), (*losses, norm)):
            self.sums[name] += value.detach()

    def gradients(
        self, player: Player, progress: float, start: int, repeat: int = 0, only: Term | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Unweighted losses of a turn's terms, and the gradients of their weighted sum for its parameters.

        Terms that train the same networks share one backward pass. `only`: this one term instead of all.
        """
        turn = player.turn
        terms = turn.terms if only is None else (only,)
        self._move_only(player)
        p = self.paths(turn, start, self.run.batch, repeat, slopes={s for term in terms for s in term.slopes})
        groups: dict[tuple[str, ...], list[Tensor]] = {}
        losses = []
        for term in terms:
            losses.append(term(p).mean())
            groups.setdefault(term.trains, []).append(losses[-1] * at(term.weight, progress))
        total: dict[str, Tensor] = {}
        for number, (trains, weighted) in enumerate(groups.items()):
            params = parameters(self.nets, trains)
            keep = number < len(groups) - 1
            grads = torch.autograd.grad(
                sum(weighted[1:], weighted[0]),
                list(params.values()),
                retain_graph=keep,
                materialize_grads=True,
            )
            for name, grad in zip(params, grads):
                total[name] = total[name] + grad if name in total else grad
        zeros = torch.zeros_like
        return losses, [total.get(name) if name in total else zeros(p_) for name, p_ in player.params.items()]  # type: ignore[misc]

    def paths(self, turn: Turn, start: int, size: int, repeat: int = 0, slopes: Iterable[str] = ()) -> Paths:
        """The paths of a turn for the samples start ... start + size - 1."""
        x, labels = self.feed.batch(f"{self.phase.name}/{turn.name}/{repeat}", start, size)
        index = torch.arange(start, start + size, device=self.device)
        noise = noise_for(index, self.run.seed, self.phase.name, turn.name, repeat)
        return Paths(self.nets, x, labels, noise, frozenset(slopes), self.forward_mode)

    def wait(self) -> None:
        """Until the device has done all that was asked of it; a clock read before says too little."""
        if self.device.type != "cpu":
            torch.accelerator.synchronize()

    def blame(self) -> str | None:
        """If an update was left out: which turn and term, in words. None if all is well."""
        for player in self.players:
            start = int(player.fault)
            if start < 0:
                continue
            worst, label, what = -1.0, "", ""
            for term in player.turn.terms:
                losses, grads = self.gradients(player, self.seen / self.phase.images, start, only=term)
                loss, norm = float(losses[0].detach()), float(torch.nn.utils.get_total_norm(grads))
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
        return Model({n: self.run.nets[n] for n in keep}, nets, self.info, self.run.bound, about)

    def latents(self, count: int) -> tuple[Tensor, Tensor | None]:
        """Latents (n, latent), drawn from the posterior, and labels of the first n = min(count, all) samples."""
        n = min(count, len(self.feed.raw))
        zs, ys = [], []
        for start in range(0, n, BATCH):
            size = min(BATCH, n - start)
            x, labels = self.feed.batch("latents", start, size)
            noise = noise_for(torch.arange(start, start + size, device=self.device), self.run.seed, "latents")
            nets = {name: net for name, net in self.nets.items() if name != "corruption"}
            with torch.no_grad():
                zs.append(Paths(nets, x, labels, noise).latent.z)
            ys.append(labels)
        return torch.cat(zs), None if ys[0] is None else torch.cat(ys)  # type: ignore[arg-type]

    def means(self) -> dict[str, float]:
        """Mean losses and gradient norms since the last call, which starts them anew."""
        out = {}
        for (turn_name, _, rest), value in ((name.partition("/"), v) for name, v in self.sums.items()):
            repeat = next(t.repeat for t in self.phase.turns if t.name == turn_name)
            out[f"{turn_name}/{rest}"] = float(value) / max(1, self.summed * repeat)
            value.zero_()
        self.summed = 0
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
        """Become the trainer whose `tensors()` and `clock()` these are."""
        self.phase_number = clock["phase"]
        self.enter(with_edges=False)
        self.seen, self.images, self.summed = clock["seen"], clock["images"], clock["summed"]
        for prefix, group in (("net", self.nets), ("average", self.averages)):
            for name, net in group.items():
                net.load_state_dict({k: tensors[f"{prefix}/{name}/{k}"] for k in net.state_dict()})
        for player in self.players:
            start = f"player/{player.turn.name}/"
            player.load({k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)})
        for name, value in self.sums.items():
            value.copy_(tensors[f"sum/{name}"])

    def _move_only(self, player: Player) -> None:
        moving = set(map(id, player.params.values()))
        for net in self.nets.values():
            for param in net.parameters():
                param.requires_grad_(id(param) in moving)

    @torch.no_grad()
    def _average(self) -> None:
        half_life = min(self.phase.half_life * self.phase.images, 0.1 * self.seen)
        weight = 1 - 0.5 ** (self.run.batch / max(half_life, 1e-9))
        for name, average in self.averages.items():
            now: list[Tensor] = list(self.nets[name].parameters())
            kept: list[Tensor] = list(average.parameters())
            torch._foreach_lerp_(kept, now, weight)

    def _labels(self, turn: Turn) -> list[str]:
        return [*(f"{turn.name}/{term.label}" for term in turn.terms), f"{turn.name}/gradient"]
