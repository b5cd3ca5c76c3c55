"""Runs, models and scores, told to a person and as plain values."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Any

from aegean.cli.outputs import facts, table
from aegean.metrics.scores import MARKS
from aegean.model.header import Header, read_header
from aegean.model.verbs import VERBS, hint
from aegean.recipes.registry import RECIPES, options
from aegean.surface import plural
from aegean.training.folder import Folder
from aegean.training.history import handed_over, phase_starts
from aegean.training.settings import Settings

LEGEND = (
    "name@network:count - the network whose features are compared (test: none), and how many samples; "
    "floor: what real training data score in the samples' place, for reconstructions a perfect copy"
)


def score_table(scores: dict[str, dict[str, Any]]) -> str:
    """Scores by key, each {value, floor, better}, as a table with a line that says what the keys mean."""
    if not scores:
        return "none: this model neither samples nor reconstructs"
    marks = [mark for mark in MARKS if any(mark in score for score in scores.values())]

    def shown(value: float | None) -> str:
        return "" if value is None else f"{value:.4g}"

    columns = ("value", "floor", *marks)
    rows = [(key, *(shown(score.get(name)) for name in columns), score["better"]) for key, score in scores.items()]
    return "\n".join((table(("metric", *columns, "better"), rows), LEGEND, *(MARKS[mark] for mark in marks)))


def described(run: str) -> dict[str, Any]:
    """What a run folder or a model file is and can do, as plain values. Nothing is loaded but headers."""
    path = Path(run)
    folder = Folder(path)
    plan = folder.read() if path.is_dir() else None
    file = path if plan is None else folder.model
    header = read_header(file) if plan is None or file.exists() else None
    found: dict[str, Any] = {"run": run, "complete": None}
    if header:
        found |= of_model(header, run)
    if plan is None:
        return found
    return found | of_run(plan, folder, header)


def of_run(plan: Settings, folder: Folder, header: Header | None) -> dict[str, Any]:
    done = int(header.about.get("images", 0)) if header else 0
    data = {"spec": plan.data.spec, "shape": list(plan.info.shape), "rate": plan.info.rate, "train": plan.info.count,
            "test": plan.info.test_count, "classes": list(plan.info.classes)}  # fmt: skip
    lines = folder.lines()
    return {
        "recipe": plan.recipe,
        "settings": plan.settings,
        "by_rule": by_rule(plan),
        "kept": header.about.get("kept") if header else None,
        "data": data,
        "images": {"done": done, "asked": plan.images},
        "complete": done >= plan.images,
        "phases": {phase.name: phase.images for phase in plan.run.schedule},
        "best": best_score(lines),
        "inherited": plan.inherited or None,
        "handed_over": transfers(plan, lines),
        "engine": {f.name: getattr(plan.engine, f.name) for f in dataclasses.fields(plan.engine)},
        "machine": plan.machine,
        "command": plan.command,
        "started": plan.started,
        "format": plan.format,
        "scores": folder.read_scores(),
    }


def of_model(header: Header, run: str) -> dict[str, Any]:
    info, about, able = header.info, header.about, header.can
    return {
        "recipe": about.get("recipe"),
        "data": {"name": info.name, "shape": list(info.shape), "rate": info.rate, "classes": list(info.classes)},
        "images": {"done": about.get("images")},
        "seconds": about.get("seconds"),
        "seed": about.get("seed"),
        "networks": {
            name: {"kind": spec.kind, "parameters": header.values(name)} for name, spec in header.specs.items()
        },
        "latent": header.latent,
        "levels": header.depth,
        "conditional": header.conditional,
        "can": able,
        "cannot": {verb: hint(verb, shlex.quote(run)) for verb in VERBS if verb not in able},
    }


def by_rule(plan: Settings) -> dict[str, Any]:
    """Settings that were left open and chosen by the data, and what was chosen."""
    found = {"batch": plan.run.batch}
    for spec in (net for name, net in plan.run.nets.items() if name != "D"):
        args = {**spec.args.get("encoder", spec.args.get("decoder", spec)).args, **spec.args}
        found |= {name: args[name] for name in ("latent", "patch") if name in args}
        found |= {"width": args["widths"][0]} if args.get("widths") else {}
    known = options(plan.recipe) if plan.recipe in RECIPES else {}
    open_ = {name for name, one in known.items() if one.default == 0 and one.type is int}
    return {name: value for name, value in found.items() if name in open_ and not plan.settings.get(name)}


def transfers(plan: Settings, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What earlier phases handed to later ones, and after how many images and seconds; None: not come to it yet."""
    starts = {name: {"images": images, "seconds": seconds} for name, images, seconds in phase_starts(lines, plan)}
    words = handed_over(plan.run, plan.inherited.get("nets", ()))
    unknown = {"images": None, "seconds": None}
    return [{"phase": name, "what": what, **starts.get(name, unknown)} for name, what in words]


def best_score(lines: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The lowest held-out distance so far: of samples where there are some, else of reconstructions."""
    for name in ("fd@", "rfd@"):
        seen = [
            {"key": key, "value": score["value"], "floor": score["floor"], "images": line["images"]}
            for line in lines
            for key, score in line.get("scores", {}).items()
            if key.startswith(name)
        ]
        if seen:
            return min(seen, key=lambda one: one["value"])
    return None


def description(found: dict[str, Any]) -> str:
    """`described` as text."""
    data, images = found["data"], found["images"]
    rows: list[tuple[str, str]] = [("recipe", str(found["recipe"]))]
    if settings := found.get("settings"):
        rows.append(("settings", " ".join(f"{key}={value}" for key, value in settings.items())))
    if rules := found.get("by_rule"):
        rows.append(("by the data", " ".join(f"{key}={value}" for key, value in rules.items())))
    counts = f", {data['train']:,} for training and {data['test']:,} for testing" if "train" in data else ""
    shape = "x".join(map(str, data["shape"])) + (f" at {data['rate']} Hz" if data["rate"] else "")
    rows.append(("data", f"{data.get('spec') or data['name']}: {shape}{counts}"))
    if data["classes"]:
        rows.append(("classes", f"{len(data['classes'])}: {', '.join(data['classes'][:12])}"))
    for name, net in found.get("networks", {}).items():
        rows.append((f"network {name}", f"{net['kind']}, {net['parameters']:,} parameters"))
    if found.get("latent"):
        rows.append(("latent", plural(found["latent"], "dimension")))
    if (found.get("levels") or 1) > 1:
        rows.append(("levels", f"{found['levels']} that draw, 0 the nearest to the data"))
    if "can" in found:
        rows.append(("can", ", ".join(found["can"]).replace("_", " --")))
        rows += [(f"cannot {verb.replace('_', ' --')}", why) for verb, why in found["cannot"].items()]
    else:
        rows.append(("model", f"none saved yet: aegean train --resume {shlex.quote(found['run'])}"))
    asked = f" of {images['asked']:,}" if "asked" in images else ""
    rows.append(("images", f"{images['done'] or 0:,}{asked}"))
    if found.get("seconds") is not None:
        rows.append(("seconds", f"{found['seconds']:g}"))
    rows += _history(found)
    return facts(rows)


def _history(found: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    if best := found.get("best"):
        rows.append(
            ("best", f"{best['key']} {best['value']:.4g} at {best['images']:,} images, floor {best['floor']:.4g}")
        )
    if old := found.get("inherited"):
        cost = f"{old.get('images', 0):,} images, {old.get('seconds', 0):g} s"
        rows.append(("inherited", f"{', '.join(old.get('nets', []))} from {old.get('source')} at the cost of {cost}"))
    if kept := found.get("kept"):
        rows.append(("kept", f"the model of image {kept:,}, which was nearer to held-out data than the last one"))
    for one in found.get("handed_over", ()):
        cost = "" if one["images"] is None else f" after {one['images']:,} images, {one['seconds']:.1f} s"
        rows.append(("handed over", f"when {one['phase']} begins{cost}: {'; '.join(one['what'])}"))
    if engine := found.get("engine"):
        rows.append(("engine", ", ".join(f"{key} {value}" for key, value in engine.items() if value)))
    if machine := found.get("machine"):
        rows.append(("machine", ", ".join(f"{key} {value}" for key, value in machine.items() if value)))
    rows += [(key, found[key]) for key in ("command", "started") if found.get(key)]
    return rows
