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
    "asked",
    "session",
    "api",
    "report",
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


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_before_it(file):
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    if parts[0] in ("__init__", "__main__"):
        return
    assert parts[0] in ROOMS, f"{parts[0]} has no place in the order of rooms; add it to ROOMS and docs/design.md"
    here = ROOMS.index(parts[0])
    wrong = [f"line {n}: {m}" for n, m in imports(file) if room(m) in ROOMS and ROOMS.index(room(m)) > here]
    assert not wrong, f"{file.name} is in {parts[0]}, which comes before what it imports: {wrong}"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_nothing_is_pickled(file):
    text = file.read_text()
    for word in ("import pickle", " torch.save(", "torch.load(", "allow_pickle=True", "joblib", "torchvision"):
        assert word not in text, f"{file}: {word}"
