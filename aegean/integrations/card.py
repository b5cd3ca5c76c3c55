"""A model as it lies on the Hub: the model file, a card that says what it is, and pictures of what it does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from aegean.config import UserError, parse_json
from aegean.data import Dataset, kinds
from aegean.data.kinds import show
from aegean.data.read.built_in import BUILT_IN
from aegean.data.read.hub import Hub, is_hub
from aegean.files import read_text
from aegean.integrations.kinds import kind_of
from aegean.metrics.scores import MARKS
from aegean.model import Model
from aegean.report.runs import scores_of
from aegean.session.runs import load, own_data
from aegean.surface import say
from aegean.training.folder import Folder
from aegean.training.settings import Settings

MODEL, CARD, SAMPLES, RECONSTRUCTIONS = "model.safetensors", "README.md", "samples.png", "reconstructions.png"
SOUNDS = "samples.wav"
REPAIRED = "before-and-after.png"
AUDIT = "audit.json"  # in a run, as `aegean audit RUN --out RUN/audit.html` writes it
SHOWN = 64  # samples in the picture
HEARD = 16  # of them in the sound
PAIRED = 16  # held-out samples whose reconstructions are shown
FLOOR = (
    "`name@network:count`: the network whose features are compared (`test`: none), and how many samples. Floor: what "
    "real training data score in the samples' place; for reconstructions a perfect copy."
)
INVENTED = "> This model invents whatever the given picture does not say. Do not use its pictures as evidence."


class Source(NamedTuple):
    """A model and what its run knows of it; a model file that lies in no run knows less."""

    file: Path
    model: Model
    plan: Settings | None
    scores: dict[str, dict[str, Any]]
    audit: str = ""  # its block, in Markdown


def read_source(run: str | Path) -> Source:
    """The model of a run folder or a model file, with the scores of just this model."""
    model, path = load(run), Path(run)
    file = path / MODEL if path.is_dir() else path
    if file.name != MODEL or not (file.parent / "config.json").exists():
        return Source(file, model, None, {})
    folder = Folder(file.parent)
    scores = scores_of(folder, int(model.about.get("images", 0)))
    return Source(file, model, folder.read(), scores, _audit(file.parent / AUDIT, model))


def _audit(file: Path, model: Model) -> str:
    """The block of an audit of just this model; "": there is none."""
    if not file.is_file():
        return ""
    found = parse_json(read_text(file), str(file))
    if not isinstance(found, dict) or found.get("model") != model.fingerprint or not isinstance(found.get("card"), str):
        say(f"note: {file} is no audit of this state of the model, so the card leaves it out; run `aegean audit` again")
        return ""
    return str(found["card"])


def pictures(source: Source) -> dict[str, bytes]:
    """Files by name: PNGs of samples and of reconstructions of built-in data, and samples that sound as a .wav. Nothing
    of other data leaves with a card: they may be the user's own, or from a part of the Hub that is not for all."""
    model, found = source.model, {}
    if "sample" in model.can():
        samples = model.info.restore(model.sample(SHOWN))
        found[SAMPLES] = show({"": samples}, model.info)
        if play := kinds.kind_of(model.info).play:
            found[SOUNDS] = play(samples[:HEARD], model.info)
    shows = {"reconstruct", "restore", "translate"} & set(model.can())
    if shows and source.plan and {source.plan.data.spec, source.plan.data.target} <= {"", *BUILT_IN}:
        try:
            dataset = own_data(source.file.parent, source.plan)
        except UserError as error:
            say(f"note: the card shows no pictures of held-out data: {error}")
            return found
        found[RECONSTRUCTIONS if "reconstruct" in shows else REPAIRED] = _held_out(model, dataset)
    return found


def _held_out(model: Model, dataset: Dataset) -> bytes:
    """Held-out samples, and what becomes of them: a PNG."""
    chosen = np.arange(min(PAIRED, len(dataset.test)))
    raw, info = dataset.test[chosen], model.info
    x = info.normalise(raw)
    if "restore" in model.can():
        given, holes = model.damage(x)
        after = model.restore(given, holes if bool(holes.any()) else None)
        return show({"damaged": info.restore(given), "restored": info.restore(after), "wanted": raw}, info)
    if "translate" in model.can():
        assert info.target
        return show({"translated": info.target.restore(model.translate(x))}, info.target)
    labels = None if dataset.test_labels is None else torch.as_tensor(dataset.test_labels[chosen])
    x_hat = model.reconstruct(x, labels if model.conditional else None)
    return show({"given": raw, "reconstructed": info.restore(x_hat)}, info)


def card(source: Source, name: str, licence: str, shown: dict[str, bytes]) -> str:
    """The text of README.md: YAML for the Hub, Markdown for people."""
    model, title = source.model, name.rpartition("/")[2]
    parts = [
        f"---\n{header(source, licence)}\n---",
        f"# {title}",
        f"{_what(model)} Made with [aegean](https://huggingface.co/models?library=aegean), where autoencoders and GANs "
        "help each other.",
    ]
    if SAMPLES in shown:
        parts.append(f"![samples]({SAMPLES})\n\n{SHOWN} samples, seed 0, not chosen.")
    if SOUNDS in shown:
        parts.append(f'<audio controls src="{SOUNDS}"></audio>\n\nThe first {HEARD} of them, one after another.')
    if RECONSTRUCTIONS in shown:
        parts.append(f"![reconstructions]({RECONSTRUCTIONS})\n\nHeld-out data, below each row its reconstruction.")
    if REPAIRED in shown:
        parts.append(f"![before and after]({REPAIRED})\n\nHeld-out data, not chosen.")
    if {"restore", "translate"} & set(model.can()):
        parts.append(INVENTED)
    parts += ["## How it was made", _table(("", ""), _making(source)), "## Scores", _scores(source.scores)]
    parts += [source.audit] if source.audit else []
    parts += ["## How to use it", _use(model, name), "## Licence", f"{licence}, for the weights in `{MODEL}`."]
    return "\n\n".join(parts) + "\n"


def header(source: Source, licence: str) -> str:
    """The YAML of a card, as the Hub reads it."""
    from huggingface_hub import ModelCardData

    model = source.model
    recipe = str(model.about.get("recipe") or "")
    spec = source.plan.data.spec if source.plan else ""
    task = kind_of(model.info).task if "sample" in model.can() else None
    if {"restore", "translate"} & set(model.can()):
        task = "image-to-image"
    data = ModelCardData(
        license=licence,
        library_name="aegean",
        tags=["aegean", *filter(None, [recipe]), *_kinds(model)],
        datasets=[Hub(spec).repository] if is_hub(spec) and not Hub(spec).files else None,
        pipeline_tag=task,
    )
    return data.to_yaml()


def _kinds(model: Model) -> list[str]:
    able = model.can()
    return [kind for kind, verb in (("autoencoder", "reconstruct"), ("generative-model", "sample")) if verb in able]


def _what(model: Model) -> str:
    info = model.info
    classes = f" in {len(info.classes)} classes" if model.conditional else ""
    shape = kinds.kind_of(info).describe(info)
    made = f"A `{model.about.get('recipe')}` trained on {_cell(info.name)}: {shape}{classes}."
    return f"{made} Its verbs: {', '.join(model.can()) or 'none of its own'}."


def _making(source: Source) -> list[tuple[str, str]]:
    model, plan = source.model, source.plan
    about, info = model.about, model.info
    rows = [("recipe", f"`{about.get('recipe')}`")]
    if settings := about.get("settings"):
        rows.append(("settings", ", ".join(f"`{key}={value}`" for key, value in settings.items())))
    rows.append(("data", f"{info.name}, {info.count:,} for training and {info.test_count:,} held out, {info.dtype}"))
    if info.classes:
        shown = ", ".join(info.classes[:12]) + (", ..." if len(info.classes) > 12 else "")
        rows.append(("classes", f"{len(info.classes)}: {shown}"))
    rows.append(("budget", f"{about.get('images', 0):,} images seen, {about.get('seconds', 0):,g} s"))
    if plan and plan.inherited:
        rows.append(("begun from", f"a {plan.inherited.get('recipe') or 'model'}, whose images and seconds count"))
    rows.append(("seed", str(about.get("seed"))))
    if "prior" in about:
        rows.append(("prior", f"{about['prior']}, fitted to the latents afterwards"))
    for name, net in model.nets.items():
        rows.append(
            (f"network {name}", f"{model.specs[name].kind}, {sum(p.numel() for p in net.parameters()):,} parameters")
        )
    if plan:
        machine = plan.machine
        rows.append(
            ("machine", f"{machine.get('accelerator') or machine.get('processor')}, torch {machine.get('torch')}")
        )
    return rows


def _scores(scores: dict[str, dict[str, Any]]) -> str:
    if not scores:
        return "This model has not been evaluated in its present state."
    marks = [mark for mark in MARKS if any(mark in score for score in scores.values())]
    columns = ("value", "floor", *marks)
    rows = [
        (f"`{key}`", *(_number(score.get(name)) for name in columns), score["better"]) for key, score in scores.items()
    ]
    return "\n\n".join((_table(("metric", *columns, "better"), rows), FLOOR, *(MARKS[mark] for mark in marks)))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _use(model: Model, name: str) -> str:
    kind = kind_of(model.info)
    masks = " --mask masks/" if "token" in model.nets else ""
    verbs = {
        "sample": f"aegean sample model.safetensors --out samples{kind.written}",
        "reconstruct": f"aegean reconstruct model.safetensors {kind.given} --out reconstructions{kind.written}",
        "restore": f"aegean restore model.safetensors {kind.given}{masks} --out restored/",
        "translate": f"aegean translate model.safetensors {kind.given} --out translated/",
    }
    lines = [f"aegean pull {name} --out {MODEL}", *(line for verb, line in verbs.items() if verb in model.can())]
    python = ["from aegean.integrations.hub import pull", "", f'model = pull("{name}", "{MODEL}")']
    if "sample" in model.can():
        python.append("x = model.info.restore(model.sample(16, seed=0))  # (16, "
                      f"{', '.join(map(str, model.info.shape))}) {model.info.dtype}")  # fmt: skip
    code = "\n".join(("```sh", *lines, "```", "", "```python", *python, "```"))
    return f"{code}\n\nThe file is plain safetensors: weights by network, and their description as JSON in its header."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ("---",) * len(head), *(tuple(map(_cell, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """Text that cannot leave its place in a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
