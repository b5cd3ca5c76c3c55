"""The house: a room imports only from the rooms before it, and nothing is pickled."""

import ast
import pathlib

import pytest

ROOMS = [
    "lazy",
    "config",
    "surface",
    "draw",
    "files",
    "machine",
    "codec",
    "data",
    "nets",
    "latent",
    "objectives",
    "gradients",
    "paths",
    "wirings",
    "compression",
    "model",
    "diffusers",
    "formulas",
    "training",
    "metrics",
    "recipes",
    "session",
    "report",
    "trust",
    "testing",
    "sklearn",
    "integrations",
    "web",
    "cli",
]
PACKAGE = pathlib.Path(__file__).parent.parent / "aegean"
FILES = sorted(PACKAGE.rglob("*.py"))


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(file: pathlib.Path, everywhere: bool = False) -> list[tuple[int, str]]:
    """Modules of aegean that a file imports: at its top level, or anywhere; not those for type checkers only."""
    found = []
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "aegean":
            names = [f"aegean.{a.name}" for a in node.names] if node.module == "aegean" else [node.module]
            found += [(node.lineno, name) for name in names]
        elif isinstance(node, ast.Import):
            found += [(node.lineno, a.name) for a in node.names if a.name.startswith("aegean.")]
    return found


def test_a_room_imports_only_from_rooms_before_it():
    for file in FILES:
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] in ("__init__", "__main__"):
            continue
        assert parts[0] in ROOMS, f"{parts[0]} has no place in the order of rooms; add it to ROOMS and docs/design.md"
        here = ROOMS.index(parts[0])
        wrong = [f"line {n}: {m}" for n, m in imports(file) if room(m) in ROOMS and ROOMS.index(room(m)) > here]
        assert not wrong, f"{file} is in {parts[0]}, which comes before what it imports: {wrong}"


def modules_imported(file: pathlib.Path) -> set[str]:
    """Modules of aegean that a file needs, at its top level or for type checkers."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one circle of imports; empty where there is none."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return path[path.index(name) :]
        if name in done:
            return []
        found = next((c for following in sorted(graph[name]) if (c := walk(following, [*path, name]))), [])
        done.add(name)
        return found

    return next((c for name in sorted(graph) if (c := walk(name, []))), [])


ROUND = {"model"}  # to be mended by its owner, and empty in the end


@pytest.mark.parametrize("name", ROOMS)
def test_no_modules_of_a_room_import_each_other_in_a_circle(name):
    files = {".".join(("aegean", *f.relative_to(PACKAGE).with_suffix("").parts)): f for f in FILES}
    inside = {
        module: file
        for module, file in files.items()
        if room(module) == name and file.name != "__init__.py"  # what a package offers is no part of its modules
    }
    graph = {module: modules_imported(file) & set(inside) - {module} for module, file in inside.items()}
    assert not circle(graph) or name in ROUND, circle(graph)


def test_nothing_is_pickled():
    words = ("import pickle", " torch.save(", "torch.load(", "allow_pickle=True", "import joblib", "from joblib",
             "import torchvision", "from torchvision")  # fmt: skip
    for file in FILES:
        text = file.read_text()
        assert [word for word in words if word in text] == [], file


AXES_MAY_BE_COUNTED = {
    "data/read/arrays.py": "a stranger's array says what it holds by its axes alone",
    "compression/images.py": "a user's tensors: one picture, or several of one size",
    "compression/sounds.py": "a user's tensor: one sound",
    "compression/stream.py": "a picture of a file, which nobody has checked yet",
    "codec/predictor.py": "grids of symbols, of no kind",
    "cli/latents.py": "a user's .npz of latents",
    "metrics/features.py": "what a user's function gives",
    "formulas/features.py": "features, of no kind",
    "nets/blocks.py": "layers along as many axes as a shape has",
    "nets/diffusers.py": "an autoencoder of diffusers takes pictures alone",
    "sklearn/base.py": "image_shape, as a user gives it",
}


def asks_the_kind(node: ast.AST) -> bool:
    """len(....shape), x.ndim, x.dim() or the name of a kind in a comparison, or whether something is an image."""
    if isinstance(node, ast.Attribute) and node.attr == "is_image":
        return True
    for side in (node.left, *node.comparators) if isinstance(node, ast.Compare) else ():
        match side:
            case ast.Call(func=ast.Name("len"), args=[ast.Attribute(attr="shape") | ast.Name("shape")]):
                return True
            case ast.Attribute(attr="ndim") | ast.Call(func=ast.Attribute(attr="dim")):
                return True
            case ast.Constant("image" | "table" | "audio" | "text"):
                return True
    return False


def test_nobody_but_the_tables_of_kinds_asks_what_kind_samples_are_of():
    for file in (file for file in FILES if file.name != "kinds.py"):
        name, tree = file.relative_to(PACKAGE).as_posix(), ast.parse(file.read_text())
        wrong = [f"{name}, line {node.lineno}" for node in ast.walk(tree) if asks_the_kind(node)]
        assert not wrong or name in AXES_MAY_BE_COUNTED, f"{wrong}: ask a table of kinds, or give a reason here"
        assert wrong or name not in AXES_MAY_BE_COUNTED, f"{name} needs no reason any more"


def test_every_reason_is_that_of_a_file():
    assert [name for name in AXES_MAY_BE_COUNTED if not (PACKAGE / name).exists()] == []
