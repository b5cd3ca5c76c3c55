"""The audit of a model: what it gives away of the records it was trained on, as far as some attacks can tell."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aegean.config import UserError
from aegean.data import Dataset
from aegean.data.kinds import kind_of
from aegean.formulas.copies import REACHES, Hits, hits
from aegean.formulas.membership import LEVEL, Told, clopper_pearson, told
from aegean.machine import pick_device
from aegean.metrics.samples import as_saved
from aegean.model import Model
from aegean.session.evaluate import EVALUATING
from aegean.session.runs import home, load, own_data
from aegean.surface import either, option
from aegean.training.settings import Settings
from aegean.trust.attacks import WORDS, Scores, blind, by_model, by_samples
from aegean.trust.copying import Copying, copying, smallest_p
from aegean.trust.planted import canaries_of, check_again, few_of
from aegean.trust.records import BLOCK, chosen_records, features_of, seen
from aegean.trust.words import card_block, flags, unseen

FALSE_AUDITS = 40  # with false members
SHOWN = 12  # triples
LEAST = 100  # samples


class Triples(NamedTuple):
    """Raw samples that lie nearest to a training record, with it and the nearest held-out one, (SHOWN, *shape)."""

    samples: np.ndarray
    train: np.ndarray
    held_out: np.ndarray


class Audit(NamedTuple):
    """What an audit found: plain values, and records to be shown."""

    report: dict[str, Any]
    dataset: Dataset
    triples: Triples | None  # None for a model that does not sample


def audit(
    path: str | Path, count: int = 10_000, seed: int = 0, device: str = "auto", canaries: int = 0, few: bool = False
) -> Audit:
    """Audit the model of a run.

    path: a run folder, or the model file in one.
    count: samples drawn, at most 100,000.
    seed: of samples, and of the choice of records.
    device: auto, cuda, mps or cpu.
    canaries: of a run that was trained without any: train it once more with so many, and ask for these.
    few: train it once more on 100 records alone, a control that must be found.

    UserError: the data of the run are gone or have changed, the model neither samples nor reconstructs, or it is to be
    trained once more and began with another run's networks.
    """
    began = time.monotonic()
    if not LEAST <= count <= 100_000:
        raise UserError(f"{option('count', count)}: expected a number of samples from {LEAST} to 100,000.")
    model = load(path, pick_device(device))
    model.progress = EVALUATING
    plan, dataset = _data(path)
    if few or canaries:
        check_again(plan)
    if not {"sample", "reconstruct"} & set(model.can()):
        raise UserError(
            f"{path} neither samples nor reconstructs, so there is nothing to ask; audit a generative model."
        )
    records, features = chosen_records(dataset, seed), features_of(dataset, seed)
    members = seen(dataset.train, records.members, dataset.info, features)
    others = seen(dataset.test, records.others, dataset.info, features)
    attacks = by_model(model, dataset, records)
    found, triples = None, None
    samples = _samples(model, count, seed) if "sample" in model.can() else None
    tests = len(attacks) + (3 + len(REACHES) if samples is not None else 0)
    if samples is not None:
        made = np.concatenate([features(model.info.normalise(part)) for part in _blocks(samples)])
        part = dataset.train if records.reference_trained else dataset.test
        reference = seen(part, records.reference, dataset.info, features)
        attacks |= by_samples(members, others, reference, made)
        train = seen(dataset.train, records.train, dataset.info, features)
        held = seen(dataset.test, records.held, dataset.info, features)
        found = copying(made, train, held, LEVEL / tests, seed)
        triples = _triples(dataset, samples, records.train, records.held, found)
    without = told(*blind(members, others, seed))
    report = {
        "run": str(path),
        "model": model.fingerprint,
        "recipe": model.about.get("recipe"),
        "images": model.about.get("images"),
        "data": {"name": dataset.info.name, "train": len(dataset.train), "held_out": len(dataset.test),
                 "records": kind_of(dataset.info).samples},
        "seed": seed,
        "samples": 0 if samples is None else count,
        "members": len(members),
        "others": len(others),
        "tests": tests,
        **_single(attacks, without, tests),
        "blind": _plain(without),
        "copies": None if found is None else _copies(found, count, LEVEL / tests),
        "false_members": _false_members(attacks, found, tests, seed),
        "canaries": canaries_of(model, plan, dataset, features, canaries, count),
        "few": few_of(plan, dataset, records, features, count, seed, model.device) if few else None,
        "seconds": 0.0,
    }  # fmt: skip
    report["flags"] = flags(report)
    report["unseen"] = unseen(report)
    report["card"] = card_block(report)
    report["seconds"] = round(time.monotonic() - began, 1)
    return Audit(report, dataset, triples)


def _data(path: str | Path) -> tuple[Settings, Dataset]:
    """A run and its data, of one side. UserError: they are not there."""
    try:
        plan = home(path).read()
        dataset = own_data(path, plan)
    except UserError as error:
        still = either(f"aegean attack {path} --data SPEC", f"aegean.trust.robustness.attack({str(path)!r}, data=SPEC)")
        raise UserError(
            f"{error} Without the records that it was trained on nobody can be found among them; what can still be "
            f"measured, on any records of that kind, is how easily it is misled: {still}."
        ) from None
    if dataset.target:
        raise UserError(f"{path} translates between two sides; an audit takes models of one kind of sample.")
    return plan, dataset


def _samples(model: Model, count: int, seed: int) -> np.ndarray:
    """Raw samples (count, *shape) as a file would hold them."""
    return model.info.restore(as_saved(model.sample(count, seed), model.info, "samples"))


def _blocks(raw: np.ndarray) -> list[np.ndarray]:
    return [raw[start : start + BLOCK] for start in range(0, len(raw), BLOCK)]


def _single(attacks: Mapping[str, Scores], without: Told, tests: int) -> dict[str, Any]:
    """What attacks on single records reach, each at its own level, and the strongest among all tests."""
    each = [{"name": name, "words": WORDS[name], **_plain(told(*scores))} for name, scores in attacks.items()]
    each.sort(key=lambda one: one["p"])
    name = max(each, key=lambda one: one["auc"])["name"]
    strict = told(*attacks[name], LEVEL / tests)
    alarm = alarming(attacks, without.interval[1], LEVEL / tests)
    return {"attacks": each, "largest": {"name": name, **_plain(strict), "alarm": alarm}}


def alarming(attacks: Mapping[str, Scores], without: float, level: float) -> bool:
    """Whether some attack tells more than chance at `level`, and more than is told without the model: AUC `without`."""
    strict = [told(*scores, level) for scores in attacks.values()]
    return any(one.p < level and one.interval[0] > max(0.5, without) for one in strict)


def _plain(found: Told) -> dict[str, Any]:
    return {**found._asdict(), "interval": list(found.interval), "caught_interval": list(found.caught_interval)}


def _copies(found: Copying, count: int, level: float) -> dict[str, Any]:
    p = smallest_p(found.found)
    return {
        "tests": [_hits(one) for one in found.found],
        "p": p,
        "alarm": p < level,
        "copied": found.planted[0]["seen_exact"],
        "z": found.z,
        "memorised": found.memorised,
        "floor": found.floor,
        "planted": found.planted,
        "smallest": {kind: None if k is None else k / count for kind, k in found.smallest.items()},
    }


def _hits(one: Hits) -> dict[str, Any]:
    return {**one._asdict(), "reach": None if one.reach == REACHES[0] else one.reach}


def _false_members(attacks: Mapping[str, Scores], found: Copying | None, tests: int, seed: int) -> dict[str, Any]:
    """How often the same audit cries when half of the held-out records are called members: it must not."""
    alarms = 0
    for again in range(FALSE_AUDITS):
        rng = np.random.default_rng((seed, again))
        count = len(next(iter(attacks.values())).others)
        half = rng.permutation(count) < count // 2
        halved = {name: Scores(scores.others[half], scores.others[~half]) for name, scores in attacks.items()}
        alarm = alarming(halved, 0.5, LEVEL / tests)
        if found is not None:
            place, ratio = found.alone
            member = rng.permutation(found.held_out) < found.held_out // 2
            alarm |= smallest_p(hits(place, ratio, member)) < LEVEL / tests
        alarms += alarm
    return {"audits": FALSE_AUDITS, "alarms": alarms, "interval": list(clopper_pearson(alarms, FALSE_AUDITS))}


def _triples(dataset: Dataset, samples: np.ndarray, train: np.ndarray, held: np.ndarray, found: Copying) -> Triples:
    """The samples nearest to a training record, each record once."""
    place, ratio = found.train
    order = np.argsort(ratio, kind="stable")
    _, first = np.unique(place[order], return_index=True)
    best = order[np.sort(first)[:SHOWN]]
    of_train, of_held = train[place[best]], held[found.alone[0][best]]
    return Triples(samples[best], _rows(dataset.train, of_train), _rows(dataset.test, of_held))


def _rows(raw: Any, places: np.ndarray) -> np.ndarray:
    """Raw records at places in any order."""
    return np.stack([np.asarray(raw[place : place + 1])[0] for place in places.tolist()])
