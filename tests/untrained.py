"""A model as a run would leave it, without a step of training."""

from aegean.model import Model
from aegean.testing import away_from_zero
from aegean.training.trainer import build


def untrained(run, info):
    nets = build(run)
    for network in nets.values():
        away_from_zero(network)
    keep = {name: spec for name, spec in run.nets.items() if name not in run.training_only}
    return Model(keep, {name: nets[name] for name in keep}, info, wiring=run.wiring)
