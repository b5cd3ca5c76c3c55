"""train: a recipe on data, to a run folder; or a run, resumed."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, Any

from aegean.cli.options import data, data_options, overwrite, training
from aegean.cli.outputs import tell
from aegean.cli.parser import Parser
from aegean.config import UserError

if TYPE_CHECKING:
    from aegean.model import Model

NEEDED = {"recipe": "RECIPE", "data": "--data SPEC", "out": "--out RUN"}
RESUMED = {"images", "device", "accumulate"}  # what may be given beside --resume


def options(p: Parser) -> None:
    p.examples(
        "aegean train vae --data digits --out runs/vae --images 100k --set latent=8 beta=2",
        "aegean train --resume runs/vae --images 200k",
    )
    p.usage = (
        "aegean train RECIPE --data SPEC --out RUN [options]\n"
        "       aegean train --resume RUN [--images N] [--device DEVICE] [--accumulate N]\n"
        "       torchrun --nproc-per-node N -m aegean train ..."
    )
    p.argument_default = argparse.SUPPRESS
    p.add_argument("recipe", metavar="RECIPE", nargs="?", help="see `aegean recipes`")
    p.add_argument("--out", metavar="RUN", help="the new run folder")
    p.add_argument("--resume", metavar="RUN", help="resume this run; takes no other options than above")
    training(p, "images", "minutes", "seed", "batch", "source")
    p.add_argument(
        "--set", metavar="name=value", nargs="+", action="extend", dest="settings", help="set options of the recipe"
    )
    training(p, "device", "precision", "compile", "accumulate")
    data(p)
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    given = {key: value for key, value in vars(args).items() if key != "command" and value is not False}
    check(given)
    settings = parse_settings(given.pop("settings", []))
    import aegean
    from aegean.cli.describe import score_table
    from aegean.cli.stops import told
    from aegean.machine import leads
    from aegean.session.runs import scores

    with told(args):
        if "resume" in given:
            out = given.pop("resume")
            model = aegean.resume(out, **given)
        else:
            out, chosen = given.pop("out"), data_options(given)
            model = aegean.train(given.pop("recipe"), chosen, out, settings=settings, **given)
    if leads():
        tell(f"{out}: trained; its scores:\n{score_table(scores(out))}")
        tell(f"next: aegean {next_step(model, shlex.quote(out))}")


def check(given: dict[str, Any]) -> None:
    """UserError: too little is given, or what does not go together."""
    if "resume" in given:
        if odd := set(given) - RESUMED - {"resume"}:
            names = ", ".join(sorted("RECIPE" if name == "recipe" else option_name(name) for name in odd))
            raise UserError(f"--resume takes the run's own settings: leave out {names}.")
        return
    if missing := [text for key, text in NEEDED.items() if not given.get(key)]:
        raise UserError(f"`aegean train` needs {' and '.join(missing)} too (see `aegean train --help`).")
    settings = parse_settings(given.get("settings", []))
    for name in ("batch", "images"):
        if name in given and name in settings:
            raise UserError(f"--{name} and --set {name}=... are the same; give one of them.")


def next_step(model: Model, place: str) -> str:
    """What a new model is most likely wanted for."""
    from aegean.integrations.kinds import words_of

    able, kind = model.can(), words_of(model.info)
    if "sample" in able:
        return f"sample {place} --out samples{kind.written}"
    if "translate" in able:
        return f"translate {place} pictures/ --out translated/"
    if "restore" in able:
        more = " --mask masks/" if "token" in model.nets else ""
        return f"restore {place} pictures/{more} --out restored/"
    for verb, more in (("compress", ""), ("compress_lossless", " --lossless")):
        if verb in able:
            return f"compress {place} {kind.given} --out {kind.given.rstrip('/')}.aeg{more}"
    return f"fit {place} --prior mixture"


def option_name(key: str) -> str:
    """The option that a parsed value came from."""
    from aegean.cli import parser_of

    return parser_of("train").spelling()[key]


def parse_settings(words: list[str]) -> dict[str, str]:
    """name=value ... -> a dict of texts; the recipe knows their types."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise UserError(f"--set {word}: expected name=value, such as latent=8.")
        if name in found:
            raise UserError(f"--set {name} is given twice; give it once.")
        found[name] = value
    return found
