"""Texts: what comes back through a latent, and what priors in it write, beside n-grams and a plain language model.

    python benchmarks/text.py --task tatoeba|tang|shakespeare --data FILE [--seconds 600] [--seeds 1]
        [--priors "gaussian; mixture"] [--rows "vae; vae:beta=1:prior=normal; language model"] [--set NAME=VALUE ...]
        [--save FOLDER]

FILE: pairs with tabs between them, of which the first sentences of up to 16 words are taken (tatoeba); poems of four
lines, one a line (tang); speeches (shakespeare). Every row trains for so many seconds of one processor; a
`denoising_ae` comes first, and priors are fitted to its latents; with the mixture tokens are also drawn at
temperatures. Scores are those of docs/text.md, of as many samples
as there are held-out texts times five, 10,000 at most; real text and a sampler of n-grams stand beside. form: the
share of quatrains with four lines of five or of seven characters. The last line is JSON.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import finish, note, rounded, show, training_arguments
from study import CPU, play, trained, trainer_of

from aegean.config import net
from aegean.data import Dataset, open_data
from aegean.data.read.vocabulary import decoded
from aegean.formulas.texts import restored_exactly, words_restored
from aegean.latent import PRIORS
from aegean.metrics.texts import TextReference, text_of
from aegean.model import Model
from aegean.model.ways import line
from aegean.nets.kinds import KINDS
from aegean.objectives import TokenBits
from aegean.recipes import configure
from aegean.recipes.turns import autoencoder_turn
from aegean.training.schedule import Phase, Run
from aegean.training.trainer import fit

Texts = list[list[int]]
TASKS = ("tatoeba", "tang", "shakespeare")
LONGEST = 16  # words of a sentence of tatoeba
QUATRAIN = re.compile(r"(?:.{5}[，。？！；、]){4}|(?:.{7}[，。？！；、]){4}")
HEATS = (0.5, 0.75, 1.0)  # temperatures of the language model, and of tokens behind a mixture
COLUMNS = ("forward", "reverse", "self_bleu", "verbatim", "distinct", "lengths", "form")
FITTED = ("gaussian", "mixture", "mapping")
ROWS = ("vae", "latent_gan", "arae", "language model")
SMALL: dict[str, Any] = {"width": 8, "latent": 4}


def lines_of(task: str, file: str | None) -> list[str]:
    """The texts of a task; some that are made up without a file, for --quick."""
    if file is None:
        return [f"The {a} saw {b} in {c}." for a in ("cat", "dog", "man") for b in ("him", "her", "us", "you", "me")
                for c in ("town", "bed", "time", "May")]  # fmt: skip
    whole = Path(file).read_text(encoding="utf-8").split("\n")
    if task == "tatoeba":
        firsts = (text.rstrip("\r").split("\t")[0] for text in whole)
        return [text for text in firsts if len(text.split()) <= LONGEST]
    return whole


def language_model(dataset: Dataset, settings: dict[str, Any], seconds: float, seed: int) -> Model:
    """The decoder of `ae` with a latent that says nothing, trained for so many seconds of the processor."""
    G = configure("ae", dataset.info, settings).nets["G"]
    nets = {"prior": net("NormalPrior", latent=1), "G": G.replace(args={**G.args, "latent": 1, "heat": 1.0})}
    rate = float(settings.get("lr", KINDS["text"].rate))
    turn = autoencoder_turn(TokenBits(trains=("G",), of="token_bits_alone"), lr=rate)

    def of(images: int) -> Run:
        return Run(nets, (Phase("language", images, (turn,), averages=("G",)),), 64, seed=seed, wiring="text")

    start, probe = time.process_time(), trainer_of(of(640), dataset)
    play(probe)
    pace = (time.process_time() - start) / 640
    trainer = trainer_of(of(max(64, round(seconds / pace))), dataset)
    play(trainer)
    return trainer.model()


def with_prior(model: Model, name: str, dataset: Dataset) -> Model:
    """The model with a prior fitted to the latents of its training texts."""
    spec = net(PRIORS[name], latent=model.latent)
    prior: Any = spec.build()
    chosen = np.random.default_rng(0).permutation(len(dataset.train))[:20_000]
    fit(prior, model.encode(model.info.normalise(dataset.train[np.sort(chosen)])))
    return Model({**model.specs, "prior": spec}, {**model.nets, "prior": prior}, model.info, (), wiring="text")


class Study:
    """One data set, and how texts are scored there."""

    def __init__(self, dataset: Dataset, count: int):
        self.dataset, self.info = dataset, dataset.info
        self.count = min(count, len(dataset.train))
        chosen = np.random.default_rng(1).permutation(len(dataset.train))[: self.count]
        self.real = np.asarray(dataset.train[np.sort(chosen)])
        self.reference = TextReference(dataset, np.asarray(dataset.test), self.real)

    def scores(self, texts: Texts) -> dict[str, float]:
        found = self.reference.scores(texts)
        return {name.split("@")[0]: value for name, value in found.items()} | {"form": self.form(texts)}

    def form(self, texts: Texts) -> float:
        padded = np.zeros((len(texts), self.info.shape[0]))
        for row, text in zip(padded, texts):
            row[: len(text)] = text
        words = decoded(padded.astype(np.int64), self.info.vocabulary)
        return float(np.mean([QUATRAIN.fullmatch(text) is not None for text in words]))

    def drawn(self, model: Model, heat: float | None = None) -> dict[str, float]:
        x = model.sample(self.count, seed=1, temperature=heat)
        for text in model.texts(x[:6]):
            note(f"    {text}")
        return self.scores(list(map(text_of, x.numpy())))

    def beside(self) -> dict[str, dict[str, float]]:
        """Real text at the same count, and the sampler of n-grams."""
        rng = np.random.default_rng(2)
        sampled = [self.reference.model.draw(rng, self.info.shape[0]) for _ in range(self.count)]
        real = self.scores(list(map(text_of, self.real)))
        held = self.reference.floor
        real |= {name.split("@")[0]: held[name] for name in held if name.startswith(("forward", "verbatim"))}
        return {"real text": real, f"{self.reference.order}-gram sampler": self.scores(sampled)}

    def restored(self, model: Model) -> dict[str, float]:
        x = self.info.normalise(self.dataset.test)
        again = model.reconstruct(x)
        for a, b in list(zip(model.texts(x), model.texts(again)))[:6]:
            note(f"    {a} -> {b}")
        pair = x.numpy(), again.numpy()
        return {"words": words_restored(*pair, info=self.info), "exact": restored_exactly(*pair)}

    def between(self, model: Model, pairs: int = 200, steps: int = 5) -> dict[str, float]:
        """The forward perplexity of what lies between held-out sentences, and of the reconstructed ends."""
        z = model.encode(self.info.normalise(self.dataset.test[: 2 * pairs]))
        ways = torch.stack([line(a, b, steps) for a, b in zip(z[::2], z[1::2])])
        texts = model.decode(ways.flatten(0, 1)).unflatten(0, ways.shape[:2])
        for row in texts[:2]:
            note("    " + " | ".join(model.texts(row)))
        forward = {
            name: self.reference.model.perplexity(map(text_of, some.numpy()))
            for name, some in (("middle", texts[:, steps // 2]), ("ends", texts[:, [0, -1]].flatten(0, 1)))
        }
        return {**forward, "ratio": forward["middle"] / forward["ends"]}


def main() -> None:
    parser = training_arguments(__doc__, TASKS, "tatoeba")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--count", type=int, default=10_000, help="samples at most (default: 10000)")
    parser.add_argument("--priors", default="; ".join(FITTED), help="what is fitted to latents of denoising_ae")
    parser.add_argument(
        "--rows", default="; ".join(ROWS), help="what is trained beside denoising_ae, with settings of its own"
    )
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="keep the models")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    settings = {**(SMALL if asked.quick else {}), **dict(word.split("=", 1) for word in asked.settings)}
    seconds = 3.0 if asked.quick else asked.seconds or 600.0
    priors, rows = ([row.strip() for row in some.split(";") if row.strip()] for some in (asked.priors, asked.rows))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{asked.task}.txt"
        file.write_text("\n".join(lines_of(asked.task, asked.data)), encoding="utf-8")
        dataset = open_data(str(file))
        every = [measured(dataset, asked, settings, seconds, seed, priors, rows) for seed in range(asked.seeds)]
    finish("text", CPU, task=asked.task, seconds=seconds, set=settings, seeds=every)


def measured(
    dataset: Dataset,
    asked: argparse.Namespace,
    settings: dict[str, Any],
    seconds: float,
    seed: int,
    priors: list[str],
    rows: list[str],
) -> dict[str, Any]:
    study = Study(dataset, min(asked.count, 5 * len(dataset.test)))
    found, more = study.beside(), dict[str, Any]()

    def made(recipe: str, **extra: Any) -> Model:
        own = {**settings, **extra}
        result = trained(recipe, dataset, own, seed, seconds)
        note(f"{recipe}: {result.images:,} texts in {result.seconds:.0f} s")
        if asked.save:
            name = "-".join((asked.task, recipe, *(f"{key}={value}" for key, value in extra.items()), str(seed)))
            result.model.save(asked.save / f"{name}.safetensors")
        return result.model

    ae = made("denoising_ae")
    more["restored"], more["between"] = study.restored(ae), study.between(ae)
    note(f"{more}")
    for prior in priors[:2] if asked.quick else priors:
        fitted = with_prior(ae, prior, dataset)
        for heat in (None, *HEATS) if prior == "mixture" else (None,):
            name = f"denoising_ae, {prior}" + (f" at {heat:g}" if heat else "")
            found[name] = study.drawn(fitted, heat)
            note(f"{name}: {found[name]}")
    for row in rows:
        if row != "language model":
            recipe, *own = row.split(":")
            model = made(recipe, **dict(word.split("=", 1) for word in own))
            found[row] = study.drawn(model)
            more[row] = study.restored(model) | study.between(model)
            note(f"{row}: {found[row]} {more[row]}")
            continue
        model = language_model(dataset, settings, seconds, seed)
        for heat in HEATS:
            found[f"language model at {heat:g}"] = study.drawn(model, heat)
    show(
        f"{asked.task}, seed {seed}, {study.count:,} samples, {seconds:.0f} s a row",
        ["", *COLUMNS],
        [[name, *(rounded(values.get(column)) for column in COLUMNS)] for name, values in found.items()],
    )
    note(f"{more}")
    return {"seed": seed, "found": found, **more}


if __name__ == "__main__":
    main()
