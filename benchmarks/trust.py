"""What a model gives away, how easily it is misled, and what a mark in its pictures survives.

    python benchmarks/trust.py [--data SPEC] [--parts audit,attack,marks] [--images N] [--runs NAME=FOLDER ...]

audit: vae, gan and ae_to_gan trained on N images of the data, and a vae trained for N images on 100 records alone,
which must be found; of each the strongest attack, its interval, the AUC without the model, planted copies, false
members. attack: ae, vae and denoising_ae, each beside equal noise and the planted weak encoder, with two defences.
marks: a vae of pictures of 16 pixels or more, marked; bits and p after each attack, what it costs, false alarms on
held-out pictures and with wrong keys. --runs takes runs that are there instead of training them: vae=runs/vae. The
last line is JSON.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import arguments, note, results, rounded, show

import aegean
from aegean.data import DataOptions, Dataset, open_data
from aegean.metrics.features import feature_network
from aegean.metrics.protocol import Evaluator
from aegean.trust.audit import audit
from aegean.trust.key import read_key
from aegean.trust.marking import alarms, held_out, mark
from aegean.trust.robustness import attack

AUDITED = ("vae", "gan", "ae_to_gan")
ATTACKED = ("ae", "vae", "denoising_ae")
PARTS = ("audit", "attack", "marks")
FEW = 100  # records
LEAKY = {"network": "mlp", "beta": 0.1}  # of a vae that is to memorise


class Runs:
    """Runs by name: those that are there, others trained when they are first asked for."""

    def __init__(self, args: argparse.Namespace, folder: Path):
        self.data, self.folder, self.images, self.quick = args.data, folder, args.images, args.quick
        self.there = {name: Path(path) for name, path in (word.split("=", 1) for word in args.runs)}

    def __call__(self, recipe: str) -> Path:
        return self._made(recipe, recipe, self.data, {"width": 4, "latent": 4} if self.quick else {})

    def few(self, dataset: Dataset) -> Path:
        """A vae of FEW training records; held out are others of the training part, which are like them."""
        order = np.random.default_rng(0).permutation(len(dataset.train))
        places = np.sort(order[:FEW]), np.sort(order[FEW : FEW + 2_000])
        files = [self.folder / f"{name}.npz" for name in ("few", "others")]
        for file, some in zip(files, places):
            np.savez(file, x=np.asarray(dataset.train[some]))
        return self._made("few", "vae", DataOptions(str(files[0]), test=str(files[1])), LEAKY)

    def _made(self, name: str, recipe: str, data: str | DataOptions, settings: dict[str, Any]) -> Path:
        if name not in self.there:
            note(f"training {name}")
            path = self.folder / name
            aegean.train(recipe, data, path, images=self.images, settings=settings, evaluations=1)
            self.there[name] = path
        return self.there[name]


def main() -> None:
    parser = arguments(str(__doc__).split("\n")[0])
    parser.add_argument("--data", default="digits", metavar="SPEC")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--images", type=int, default=40_000, help="of each training")
    parser.add_argument("--count", type=int, default=10_000, help="samples of an audit, held-out pictures of marks")
    parser.add_argument("--runs", nargs="*", default=[], metavar="NAME=FOLDER")
    args = parser.parse_args()
    if args.quick:
        args.images, args.count = 640, 200
    with (
        tempfile.TemporaryDirectory() as folder,
        results("trust", torch.device("cpu"), 3600, data=args.data, images=args.images) as found,
    ):
        runs, dataset = Runs(args, Path(folder)), open_data(args.data)
        for part, measure in zip(PARTS, (audits, attacks, marks)):
            if part in args.parts.split(","):
                found[part] = measure(runs, dataset, args.count)


def audits(runs: Runs, dataset: Dataset, count: int) -> dict[str, Any]:
    found = {}
    for name in (*AUDITED, "few"):
        path = runs.few(dataset) if name == "few" else runs(name)
        began = time.process_time()
        report = audit(path, count).report
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
            "processor_seconds": rounded(time.process_time() - began, 3),
        }
    rows = [[name, *row.values()] for name, row in found.items()]
    show("audits", ["run", *next(iter(found.values()))], [[str(cell) for cell in row] for row in rows])
    return found


def attacks(runs: Runs, dataset: Dataset, count: int) -> dict[str, Any]:
    found, rows = {}, []
    for name in ATTACKED:
        report = attack(runs(name), count=16 if runs.quick else 64)
        found[name] = report
        parts = {"latent": report["encoder"], "reconstruction": report["reconstruction"], "planted": report["planted"]}
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
    evaluate = Evaluator(dataset, feature_network(dataset), count)
    models = {"without": aegean.load(path), "with": aegean.load(runs.folder / "marked")}
    scores = {name: evaluate.sampled(model) for name, model in models.items()}
    fd = {name: next(s.value for key, s in score.items() if key.startswith("fd@")) for name, score in scores.items()}
    show("Fréchet distance", ("mark", "fd"), list(fd.items()))
    return {**found, "held_out": accused, "fd": fd}


if __name__ == "__main__":
    main()
