"""What a model gives away, how easily it is misled, and what a mark in its pictures survives.

    python benchmarks/trust.py [--data SPEC] [--parts audit,attack,marks] [--images N] [--runs NAME=FOLDER ...]

audit: each of --recipes (vae, gan and ae_to_gan) trained on N images of the data; the strongest attack, its interval,
the AUC without the model, planted copies, false members; of the vae also the same on 100 records alone, which must be
found (its seconds count that training). attack: ae, vae, denoising_ae, and one with three times its noise, each beside
equal noise and the planted weak encoder, with two defences. marks: a vae of pictures of 16 pixels or more, marked; bits
and p after each attack, what it costs in Fréchet distance, false alarms on held-out pictures and with wrong keys.
--runs takes runs that are there instead of training them: vae=runs/vae. The last line is JSON.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from common import arguments, note, results, rounded, show

import aegean
from aegean.data import Dataset, open_data
from aegean.formulas.frechet import frechet_distance
from aegean.metrics.features import FeatureNetwork, feature_network
from aegean.session import finish
from aegean.trust.audit import audit
from aegean.trust.key import read_key
from aegean.trust.marking import alarms, drawn, held_out, in_range, mark
from aegean.trust.robustness import attack

AUDITED = ("vae", "gan", "ae_to_gan")
NOISY = "denoising_ae, noise 0.9"
ATTACKED = ("ae", "vae", "denoising_ae", NOISY)
PARTS = ("audit", "attack", "marks")
COMPARED = 5_000  # pictures of a Fréchet distance


class Runs:
    """Runs by name: those that are there, others trained when they are first asked for."""

    def __init__(self, args: argparse.Namespace, folder: Path):
        self.data, self.folder, self.images, self.quick = args.data, folder, args.images, args.quick
        self.there = {name: Path(path) for name, path in (word.split("=", 1) for word in args.runs)}

    def __call__(self, recipe: str) -> Path:
        if recipe not in self.there:
            note(f"training {recipe}")
            path, settings = self.folder / recipe, {"width": 4, "latent": 4} if self.quick else {}
            name, more = ("denoising_ae", {"sigma": 0.9}) if recipe == NOISY else (recipe, {})
            aegean.train(name, self.data, path, images=self.images, settings={**settings, **more})
            self.there[recipe] = path
        return self.there[recipe]


def main() -> None:
    parser = arguments(str(__doc__).split("\n")[0])
    parser.add_argument("--data", default="digits", metavar="SPEC")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--recipes", default=",".join(AUDITED))
    parser.add_argument("--images", type=int, default=40_000, help="of each training")
    parser.add_argument("--count", type=int, default=10_000, help="samples of an audit, held-out pictures of marks")
    parser.add_argument("--runs", nargs="*", default=[], metavar="NAME=FOLDER")
    args = parser.parse_args()
    if args.quick:
        args.images, args.count = 640, 200
    with (
        mock.patch.object(finish, "evaluated", return_value=True),  # scores are no part of this
        tempfile.TemporaryDirectory() as folder,
        results("trust", torch.device("cpu"), 3600, data=args.data, images=args.images) as found,
    ):
        runs, dataset, parts = Runs(args, Path(folder)), open_data(args.data), args.parts.split(",")
        if "audit" in parts:
            found["audit"] = audits(runs, args.recipes.split(","), args.count)
        if "attack" in parts:
            found["attack"] = attacks(runs)
        if "marks" in parts:
            found["marks"] = marks(runs, dataset, args.count)


def audits(runs: Runs, recipes: Sequence[str], count: int) -> dict[str, Any]:
    found = {}
    for name in recipes:
        path = runs(name)
        began = time.process_time()
        report = audit(path, count, few=name == "vae").report
        seconds = rounded(time.process_time() - began, 3)
        largest, copies, false = report["largest"], report["copies"], report["false_members"]
        found[name] = {
            "attack": largest["name"],
            "auc": rounded(largest["auc"]),
            "interval": [rounded(end) for end in largest["interval"]],
            "alarm": largest["alarm"],
            "without_model": rounded(report["blind"]["auc"]),
            "epsilon": rounded(largest["epsilon"]),
            "nearer": copies["alarm"],
            "copied": copies["copied"],
            "one_percent_seen": copies["planted"][2]["seen_exact"],
            "smallest": copies["smallest"]["exact"],
            "false_alarms": false["alarms"],
            "false_audits": false["audits"],
            "false_interval": [rounded(end) for end in false["interval"]],
            "processor_seconds": seconds,
            "few": report["few"],
        }
    for what in next(iter(found.values())):
        show(f"audits, {what}", ("run", ""), [(name, str(row.get(what))) for name, row in found.items()])
    return found


def attacks(runs: Runs) -> dict[str, Any]:
    found, rows = {}, []
    for name in ("ae", NOISY) if runs.quick else ATTACKED:
        report = attack(runs(name), count=16 if runs.quick else 64)
        found[name] = report
        names = {"input": "input", "latent": "encoder", "reconstruction": "reconstruction", "planted": "planted"}
        parts = {name: report[key] for name, key in names.items()}
        for part, row in (parts | report["defences"]).items():
            price = row["psnr"] - row["psnr_without"] if "psnr" in row else None
            rows.append((f"{name}, {part}", row["kappa"], row["noise"], price))
        rows.append((f"{name}, gain of the Jacobian, of a small attack", *report["check"].values(), None))
    show("attacks at 8/255", ("", "kappa", "noise", "dB"), rows)
    return found


def marks(runs: Runs, dataset: Dataset, count: int) -> dict[str, Any]:
    if min(dataset.info.shape[1:]) < 16:
        note(f"{dataset.info.name}: too small for marks; give --data of 16 pixels or more")
        return {}
    path, key = runs("vae"), runs.folder / "key"
    found = mark(path, key, runs.folder / "marked")
    accused = alarms(held_out(dataset, count, 0), [read_key(key)])
    rows = [(name, row["bits"], row["p"], row["pooled"]) for name, row in found["attacks"].items()]
    show(f"marks, {found['psnr']:.2f} dB", ("after", "bits right", "p of one", "worst p of 8"), rows)
    show("false alarms", ("pictures", "alarms", "level"), [tuple(map(str, accused.values()))])
    network, some = feature_network(dataset), min(count, COMPARED)
    real = features(network, held_out(dataset, some, 0))
    models = {"without": aegean.load(path), "with": aegean.load(runs.folder / "marked")}
    fd = {name: frechet_distance(real, features(network, drawn(model, some, 0))) for name, model in models.items()}
    show("Fréchet distance", ("mark", "fd"), list(fd.items()))
    return {**found, "held_out": accused, "fd": fd}


def features(network: FeatureNetwork, pictures: np.ndarray) -> np.ndarray:
    return network(torch.from_numpy(in_range(pictures)).float())


if __name__ == "__main__":
    main()
