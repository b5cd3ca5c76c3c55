"""What may be written on the command line. Only argparse: nothing here waits for torch."""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from aegean import __version__
from aegean.cli.options import a_class, a_run, above_zero, budget, data, device, json_answer, out, overwrite, whole
from aegean.config import UserError, nearest

EXAMPLE = """\
example, about a minute on two cores:
  aegean train vae --data digits --out runs/vae
  aegean sample runs/vae --out samples.png
  aegean evaluate runs/vae

exit status: 0 done, 1 a fault of aegean, 2 something you can mend, 3 stopped by a guard, 130 interrupted"""


class Parser(argparse.ArgumentParser):
    """argparse that raises UserError, takes no abbreviations, and keeps examples as they are written."""

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **kwargs)
        self._negative_number_matcher = re.compile(r"-(\d|\.\d|inf|nan)")  # values, not options: -1e-3 too

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message.removeprefix('argument ')} (see `{self.prog} --help`).")

    def known(self) -> list[str]:
        """Its options, by their long names."""
        return [name for action in self._actions for name in action.option_strings if name.startswith("--")]


def parse(argv: list[str]) -> argparse.Namespace:
    """Words of a command line -> what was given, with `command` the command's name.

    UserError: an unknown command or option (the nearest names are offered), a missing or malformed value.
    SystemExit: --help and --version, after printing.
    """
    parser, commands = make_parser()
    if not argv or argv[0] == "help":
        argv = [*argv[1:], "--help"]
    name = argv[0]
    if not name.startswith("-") and name not in commands:
        raise UserError(f"There is no command {name!r}.{nearest(name, commands)}")
    known = commands[name].known() if name in commands else parser.known()
    for word in argv[: argv.index("--")] if "--" in argv else argv:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in known:
            raise UserError(f"`aegean{f' {name}' if name in commands else ''}` has no option {option}."
                            f"{nearest(option, known)}")  # fmt: skip
    args, rest = parser.parse_known_args(argv)
    if rest:
        raise UserError(f"{rest[0]!r} was not expected here (see `aegean {args.command} --help`).")
    return args


def make_parser() -> tuple[Parser, dict[str, Parser]]:
    """The parser of the whole line and those of the commands."""
    parser = Parser(prog="aegean", description="Autoencoders and GANs that help each other.", epilog=EXAMPLE)
    parser.add_argument("--version", action="version", version=f"aegean {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    commands: dict[str, Parser] = {}

    def command(name: str, text: str, example: str, **kwargs: Any) -> Parser:
        commands[name] = subparsers.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=f"example:\n  {example}", **kwargs
        )
        return commands[name]

    _recipes(command("recipes", "list the recipes, or show one with its options", "aegean recipes vae"))
    _train(
        command(
            "train",
            "train a recipe on data, or resume a run",
            "aegean train vae --data digits --out runs/vae --images 100k --set latent=8 beta=2\n"
            "  aegean train --resume runs/vae --images 200k",
            usage="aegean train RECIPE --data SPEC --out RUN [options]\n"
            "       aegean train --resume RUN [--images N] [--device DEVICE] [--accumulate N]\n"
            "       torchrun --nproc-per-node N -m aegean train ...",
            argument_default=argparse.SUPPRESS,
        )
    )
    _sample(command("sample", "draw samples from a model", "aegean sample runs/vae --count 64 --out samples.png"))
    _through(
        command(
            "reconstruct", "reconstruct pictures, rows or a data set", "aegean reconstruct runs/vae digits --out r.png"
        ),
        "grid.png or folder/",
    )
    _through(command("encode", "turn inputs into latents", "aegean encode runs/vae digits --out z.npz"), "latents.npz")
    _through(
        command(
            "levels",
            "show what each level adds, from the top downwards",
            "aegean levels runs/ladder digits --out l.png",
        ),
        "grid.png",
    )
    _traverse(
        command(
            "traverse",
            "follow directions in latent space",
            "aegean traverse runs/vae --out grid.png\n"
            "  aegean traverse runs/tc_vae --way axes --from picture.png --out directions.npz",
        )
    )
    _decode(command("decode", "turn latents into pictures or rows", "aegean decode runs/vae z.npz --out decoded/"))
    _compress(
        command(
            "compress",
            "write pictures of any size into one small file",
            "aegean compress runs/codec photos/ --out photos.aeg",
        )
    )
    _decompress(
        command(
            "decompress",
            "turn such a file into pictures again",
            "aegean decompress photos.aeg --model runs/codec --out photos-again/",
        )
    )
    _fit(command("fit", "fit a prior to a run's latents, so that it samples", "aegean fit runs/ae --prior mixture"))
    _evaluate(command("evaluate", "score a model against held-out data", "aegean evaluate runs/vae --count 10000"))
    _compare(
        command(
            "compare",
            "write a report that compares runs, or train recipes to compare",
            "aegean compare runs/vae runs/gan --out report.html\n"
            "  aegean compare --recipes ae,vae,gan,ae_to_gan --data digits --images 100k --out runs/four",
            usage="aegean compare RUN... --out report.html\n"
            "       aegean compare --recipes a,b --data SPEC [--images N | --minutes M] [--seeds K] --out folder/",
            argument_default=argparse.SUPPRESS,
        )
    )
    _play(command("play", "play with models in the browser", "aegean play runs/vae runs/codec"))
    _info(command("info", "tell what a run, model file, .aeg file or exported file is", "aegean info runs/vae"))
    _export(
        command(
            "export",
            "write a part of a model as ONNX or as a torch.export archive, or the whole for diffusers",
            "aegean export runs/vae --part encoder --format onnx --out encoder.onnx\n"
            "  aegean export runs/tuned --format diffusers --out tuned-vae/",
        )
    )
    _push(
        command(
            "push",
            "put a model on the Hugging Face Hub, with a generated card",
            "aegean push runs/vae ada/digits-vae --licence apache-2.0\n"
            "  aegean push runs/vae look-first/ --licence apache-2.0",
        )
    )
    _pull(
        command("pull", "fetch a model from the Hugging Face Hub", "aegean pull ada/digits-vae --out model.safetensors")
    )
    return parser, commands


def _recipes(p: Parser) -> None:
    p.add_argument("name", metavar="NAME", nargs="?", help="the recipe to show")
    json_answer(p)


def _train(p: Parser) -> None:
    p.add_argument("recipe", metavar="RECIPE", nargs="?", help="see `aegean recipes`")
    p.add_argument("--out", metavar="RUN", help="the new run folder")
    p.add_argument("--resume", metavar="RUN", help="go on with this run: no other options than above")
    budget(p)
    p.add_argument("--seed", type=whole(0), help="of every random draw (default: 0)")
    p.add_argument("--batch", type=whole(1), help="images in a step (default: the recipe's)")
    p.add_argument(
        "--from", metavar="SOURCE", dest="source", help="a run, model file or diffusers folder to take networks from"
    )
    p.add_argument(
        "--set", metavar="name=value", nargs="+", action="extend", dest="settings", help="options of the recipe"
    )
    device(p)
    p.add_argument("--precision", metavar="P", help="of the networks: auto, float32 or bfloat16 (default: auto)")
    p.add_argument("--compile", metavar="C", help="the step: auto, on or off (default: auto: long runs)")
    p.add_argument("--accumulate", type=whole(1), metavar="N", help="work a batch off in N parts, for less memory")
    data(p)
    overwrite(p)


def _sample(p: Parser) -> None:
    a_run(p)
    p.add_argument("--count", type=whole(1), default=64, help="how many (default: 64)")
    out(p, "grid.png, folder/, samples.npz, or rows.csv")
    a_class(p, "draw only this class; for models trained with --set conditional=true")
    p.add_argument("--seed", type=whole(0), default=0, help="other samples with another seed (default: 0)")
    p.add_argument(
        "--resample",
        type=whole(0),
        metavar="LEVEL",
        help="keep one sample and draw this level of it anew, --count times; 0 is nearest the data",
    )
    overwrite(p)


def _through(p: Parser, kinds: str) -> None:
    a_run(p)
    p.add_argument("inputs", metavar="INPUT", nargs="+", help="pictures, folders, arrays, tables, or a built-in set")
    out(p, kinds)
    a_class(p, "the class of every input; a data set with classes brings its own")
    p.add_argument("--skip-bad", action="store_true", help="leave unreadable pictures out")
    overwrite(p)


def _decode(p: Parser) -> None:
    a_run(p)
    p.add_argument("latents", metavar="LATENTS", help="a .npz with key z (n, latent), as `aegean encode` writes it")
    out(p, "folder/ or grid.png")
    a_class(p, "the class of every latent, where the file holds no labels")
    overwrite(p)


def _traverse(p: Parser) -> None:
    a_run(p)
    out(p, "grid.png, or numbers: directions.npz or .json")
    p.add_argument(
        "--way",
        metavar="WAY",
        default="",
        help="components of the latents, weights of the decoder's first layer, or axes, the latent's own numbers "
        "(default: components, or weights where all directions of the latents are equal)",
    )
    p.add_argument("--count", type=whole(1), default=8, help="directions, at most (default: 8)")
    p.add_argument("--steps", type=whole(3), default=7, help="pictures of each, an odd number (default: 7)")
    p.add_argument(
        "--span", type=above_zero, default=2.0, metavar="S", help="standard deviations to each side (default: 2)"
    )
    start = p.add_mutually_exclusive_group()
    start.add_argument("--from", metavar="PICTURE", dest="start", help="begin at the latent of this picture")
    start.add_argument(
        "--seed", type=whole(0), help="begin at this seed's first sample (default: at the mean of all latents)"
    )
    a_class(p, "of what is shown; for models trained with --set conditional=true")
    overwrite(p)


def _compress(p: Parser) -> None:
    a_run(p)
    p.add_argument("inputs", metavar="INPUT", nargs="+", help="pictures, folders or zips of them, arrays of pictures")
    out(p, "file.aeg")
    p.add_argument("--lossless", action="store_true", default=False, help="get exactly the same pixels back")
    p.add_argument(
        "--stages", type=whole(1, 255), default=0, metavar="N", help="of a residual quantiser: so many alone"
    )
    p.add_argument("--skip-bad", action="store_true", help="leave unreadable pictures out")
    overwrite(p)


def _decompress(p: Parser) -> None:
    p.add_argument("file", metavar="FILE.aeg", help="a file that `aegean compress` wrote")
    p.add_argument("--model", metavar="RUN", required=True, help="the run folder or model file that compressed it")
    out(p, "folder/")
    overwrite(p)


def _fit(p: Parser) -> None:
    p.add_argument("run", metavar="RUN", help="a run folder")
    p.add_argument("--prior", metavar="NAME", required=True, help="mixture, mapping, whitening or gaussian")


def _evaluate(p: Parser) -> None:
    a_run(p)
    p.add_argument("--data", metavar="SPEC", help="other data than it was trained on")
    p.add_argument("--count", type=whole(2), default=10_000, help="samples compared, at most (default: 10000)")
    p.add_argument("--features", metavar="RUN", help="measure in the features of this run's encoder")
    json_answer(p)


def _compare(p: Parser) -> None:
    p.add_argument("runs", metavar="RUN", nargs="*", default=[], help="run folders trained on the same data")
    p.add_argument(
        "--recipes",
        metavar="A,B,...",
        help="recipes to train, each at the same budget; with options: gan,ae_to_gan:prior=normal:anchor=0",
    )
    p.add_argument("--out", required=True, help="report.html, or with --recipes a folder")
    budget(p)
    p.add_argument("--seeds", type=whole(1, 100), help="runs of each recipe (default: 1)")
    device(p)
    data(p)
    overwrite(p)
    json_answer(p)


def _play(p: Parser) -> None:
    p.add_argument("runs", metavar="RUN", nargs="+", help="run folders or model files; several are shown side by side")
    p.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1, this machine)")
    p.add_argument("--port", type=whole(0, 65535), default=7860, help="0 for any free one (default: 7860)")


def _info(p: Parser) -> None:
    p.add_argument("run", metavar="RUN", help="a run folder, a model file, an .aeg file, an exported .onnx or .pt2")
    json_answer(p)


def _export(p: Parser) -> None:
    a_run(p)
    p.add_argument("--part", metavar="PART", help="encoder, decoder, generator or discriminator")
    p.add_argument("--format", choices=("onnx", "pt2", "diffusers"), help="default: by the ending of --out")
    out(p, "file.onnx (pip install 'aegean[onnx]'), file.pt2 or, for diffusers, folder/")
    overwrite(p)


def _push(p: Parser) -> None:
    a_run(p)
    p.add_argument("name", metavar="NAME", help="OWNER/NAME on the Hub; or folder/, where nothing is sent")
    p.add_argument(
        "--licence",
        "--license",
        metavar="ID",
        required=True,
        help="what others may do with the weights: apache-2.0, mit, cc-by-4.0, cc-by-nc-4.0, ... (yours to decide)",
    )
    p.add_argument("--private", action="store_true", default=False, help="a new model is shown to its owner alone")


def _pull(p: Parser) -> None:
    p.add_argument("name", metavar="NAME", help="OWNER/NAME on the Hub")
    out(p, "model.safetensors")
    overwrite(p)
