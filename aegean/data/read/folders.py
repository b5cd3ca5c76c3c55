"""What the folders that pictures lie in say: classes, and a training and a test part."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from aegean.config import UserError
from aegean.data.read.source import Part, class_indices, class_names
from aegean.surface import option, say

Name = TypeVar("Name", bound=Hashable)


def in_parts(
    trees: dict[Name, tuple[str, ...]],
    path: Path,
    labels_of: Callable[[dict[Name, tuple[str, ...]]], np.ndarray | None],
    part: Callable[[list[Name], np.ndarray | None], Part],
) -> tuple[Part, Part | None, tuple[str, ...]]:
    """Pictures by the parts of their paths -> training part, test part if the folders make one, and classes.

    trees: the parts of each picture's path, by its name.
    path: of the source, for errors.
    labels_of: the class names of some pictures, or None.
    part: makes a part from pictures and class indices.
    """
    trees = _below_common(trees, path)
    if _top_folders(trees) == {"train", "test"}:
        trees, test_tree = ({n: p[1:] for n, p in trees.items() if p[0] == side} for side in ("train", "test"))
    else:
        test_tree = {}
    labels, test_labels = labels_of(trees), labels_of(test_tree) if test_tree else None
    classes = np.array([]) if labels is None else class_names(labels, str(path))

    def indices(values: np.ndarray | None) -> np.ndarray | None:
        return None if labels is None or values is None else class_indices(values, classes, str(path))

    test = part(list(test_tree), indices(test_labels)) if test_tree else None
    return part(list(trees), indices(labels)), test, tuple(map(str, classes))


def _below_common(trees: dict[Name, tuple[str, ...]], path: Path) -> dict[Name, tuple[str, ...]]:
    """The parts of each path below the folder that is common to all."""
    while len(_top_folders(trees)) == 1:
        trees = {name: parts[1:] for name, parts in trees.items()}
    tops = _top_folders(trees)
    if "train" in tops and tops & {"test", "val", "valid", "validation"} and tops != {"train", "test"}:
        raise UserError(
            f"{path} has the sub-folders {', '.join(sorted(tops))}, of which only train and test are known as parts; "
            f"give the path of one as the data and that of another as {option('test')}."
        )
    return trees


def _top_folders(trees: Mapping[Any, tuple[str, ...]]) -> set[str]:
    """The first sub-folders; none where a file lies beside them."""
    return {parts[0] for parts in trees.values()} if all(len(parts) > 1 for parts in trees.values()) else set()


def folder_labels(trees: Mapping[Any, tuple[str, ...]], path: Path) -> np.ndarray | None:
    """The first sub-folder of each picture, where every picture lies in one."""
    inside = [len(parts) > 1 for parts in trees.values()]
    if not all(inside):
        if any(inside):
            say(f"{path.name}: pictures lie both in sub-folders and beside them; no classes are taken")
        return None
    return np.array([parts[0] for parts in trees.values()])
