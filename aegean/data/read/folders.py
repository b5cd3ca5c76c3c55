"""What the folders that pictures lie in say: classes, and a training and a test part."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from aegean.config import UserError
from aegean.data.read.source import Part, class_labels
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
    trees, test_tree = split_by_folder(_below_common(trees), path)
    labels, test_labels = labels_of(trees), labels_of(test_tree) if test_tree else None
    classes: tuple[str, ...] = ()
    if labels is not None:
        classes, labels, test_labels = class_labels(labels, str(path), test_labels)
        more = ", ..." if len(classes) > 6 else ""
        say(f"{path.name}: {len(classes)} classes: {', '.join(classes[:6])}{more}")
    elif test_labels is not None:
        say(f"{path.name}: the training part has no classes, so those of the test part are left out")
        test_labels = None
    return part(list(trees), labels), part(list(test_tree), test_labels) if test_tree else None, classes


WORDS = {
    "train": {"train", "trainval", "training", "trainset", "trainingset", "traindata", "trainingdata"},
    "test": {"test", "testing", "tests", "testset", "testingset", "testdata", "testingdata"},
    "validation": {"val", "valid", "validation", "validate", "dev", "eval", "evaluation", "holdout", "valset"},
}
FILLERS = {"set", "data", "dataset", "images", "imgs", "pictures", "part", "split"}


def part_of(folder: str) -> tuple[str, str]:
    """Which part a folder's name speaks of: "train", "test", "validation" or "", and what else it says.

    "seg_train" -> ("train", "seg"); "Training Set" -> ("train", ""); "cats" -> ("", "cats").
    """
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", folder)]  # trainA2017: train, a
    parts = [part for word in words for part, known in WORDS.items() if word in known]
    if len(parts) != 1:
        return "", folder
    rest = [word for word in words if word not in WORDS[parts[0]] and word not in FILLERS]
    return parts[0], " ".join(rest)


def split_by_folder(
    trees: dict[Name, tuple[str, ...]], path: Path
) -> tuple[dict[Name, tuple[str, ...]], dict[Name, tuple[str, ...]]]:
    """The trees of the training part and of the test part, {} where folders make none, each below its own folder.

    UserError: folders that look like parts, but leave open which is which.
    """
    depth = 0
    tops = _folders_at(trees, 0)
    if tops and not _part_folders(tops) and _part_folders(_folders_at(trees, 1)):
        depth, tops = 1, _folders_at(trees, 1)  # cats/train, cats/test, dogs/train, ...
    sides = _part_folders(tops)
    if not sides:
        return trees, {}
    if set(sides) not in ({"train", "test"}, {"train", "validation"}) or len(tops) != len(sides):
        raise UserError(
            f"{path} has the sub-folders {', '.join(sorted(tops))}, more than a part to train on and one to test on; "
            f"give the path of one as the data and that of another as {option('test')}."
        )
    train, test = sides.pop("train"), next(iter(sides.values()))
    if {train, test} != {"train", "test"}:
        say(f"{path.name}: {train} is trained on, {test} is the test part")
    below = ({n: p[:depth] + p[depth + 1 :] for n, p in trees.items() if p[depth] == side} for side in (train, test))
    first, second = (_below_itself(tree, side) for tree, side in zip(below, (train, test)))
    return first, second


def _part_folders(tops: set[str]) -> dict[str, str]:
    """Folders by the part that they hold, where one is to be trained on and another is not; {} where they are classes.
    Parts of different things, such as cats_train and dogs_test, are none."""
    found = {top: part_of(top) for top in sorted(tops)}
    sides = {part: top for top, (part, _) in found.items() if part}
    rests = {part: {rest for other, rest in found.values() if other == part} for part in sides}
    alike = all(rests[part] == rests["train"] for part in sides) if "train" in sides else False
    return sides if alike and len(sides) > 1 else {}


def _below_itself(tree: dict[Name, tuple[str, ...]], side: str) -> dict[Name, tuple[str, ...]]:
    """The tree of a part below a second folder of the same name, as in seg_train/seg_train."""
    return {n: p[1:] for n, p in tree.items()} if _folders_at(tree, 0) == {side} else tree


def _below_common(trees: dict[Name, tuple[str, ...]]) -> dict[Name, tuple[str, ...]]:
    """The parts of each path below the folder that is common to all."""
    while len(_folders_at(trees, 0)) == 1:
        trees = {name: parts[1:] for name, parts in trees.items()}
    return trees


def _folders_at(trees: Mapping[Any, tuple[str, ...]], depth: int) -> set[str]:
    """The sub-folders so many levels down; none where a file lies beside them."""
    inside = all(len(parts) > depth + 1 for parts in trees.values())
    return {parts[depth] for parts in trees.values()} if inside else set()


def folder_labels(trees: Mapping[Any, tuple[str, ...]], path: Path) -> np.ndarray | None:
    """The first sub-folder of each picture, where every picture lies in one."""
    inside = [len(parts) > 1 for parts in trees.values()]
    if not all(inside):
        if any(inside):
            say(f"{path.name}: files lie both in sub-folders and beside them; no classes are taken")
        return None
    return np.array([parts[0] for parts in trees.values()])
