"""Folders, archives and tables as people and other tools make them: parts, classes, headers, indices."""

import zipfile

import numpy as np
import pytest
from notes import heard
from PIL import Image

from aegean.config import UserError
from aegean.data import DataOptions, open_data
from aegean.data.read.folders import part_of

RNG = np.random.default_rng(3)


def pictures(folder, count=6, ending="png"):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.fromarray(RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{i}.{ending}")


def opened(spec, said=None, **options):
    return heard(said if said is not None else [], open_data, DataOptions(str(spec), **options))


@pytest.mark.parametrize(
    "train, test",
    [
        ("Training", "Testing"),
        ("Train", "Test"),
        ("train_set", "test_set"),
        ("seg_train", "seg_test"),
        ("TRAIN", "validation"),
        ("training-images", "val"),
        ("Training Set", "Test Set"),
        ("train2017", "val2017"),
        ("trainval", "test"),
        ("00-train", "01-test"),
        ("TrainImages", "TestImages"),
        ("train1", "test1"),
    ],
)
def test_parts_by_their_usual_names(tmp_path, train, test):
    for side, count in ((train, 12), (test, 4)):
        for name in ("cats", "dogs"):
            pictures(tmp_path / "set" / side / name, count)
    said = []
    data = opened(tmp_path / "set", said)
    assert (data.info.count, data.info.test_count) == (24, 8) and data.info.classes == ("cats", "dogs")
    assert any(train in note for note in said)


def test_a_part_below_a_folder_of_its_own_name(tmp_path):
    for side, count in (("seg_train", 12), ("seg_test", 4)):
        for name in ("sea", "street"):
            pictures(tmp_path / side / side / name, count)
    data = opened(tmp_path)
    assert (data.info.count, data.info.test_count, data.info.classes) == (24, 8, ("sea", "street"))


def test_parts_below_their_classes(tmp_path):
    for name in ("sea", "street"):
        pictures(tmp_path / name / "train", 12)
        pictures(tmp_path / name / "test", 4)
    data = opened(tmp_path)
    assert (data.info.count, data.info.test_count, data.info.classes) == (24, 8, ("sea", "street"))


def test_a_third_part_is_named(tmp_path):
    for side in ("Training", "Testing", "Validation"):
        pictures(tmp_path / side, 12)
    with pytest.raises(UserError, match="Validation"):
        opened(tmp_path)


def test_parts_of_two_domains_are_no_classes(tmp_path):
    for side in ("trainA", "trainB", "testA", "testB"):
        pictures(tmp_path / side, 12)
    with pytest.raises(UserError, match="trainA, trainB"):
        opened(tmp_path)


def test_classes_are_named(tmp_path):
    for name in ("images", "masks"):
        pictures(tmp_path / name, 12)
    said = []
    opened(tmp_path, said)
    assert any("2 classes: images, masks" in note for note in said)


@pytest.mark.parametrize("names", [("bus", "train", "car"), ("train", "tram"), ("test", "quiz"), ("latest", "trainer")])
def test_classes_that_sound_like_parts(tmp_path, names):
    for name in names:
        pictures(tmp_path / name, 12)
    assert opened(tmp_path).info.classes == tuple(sorted(names))


def test_what_a_name_speaks_of():
    assert part_of("seg_train") == ("train", "seg") and part_of("Test Images") == ("test", "")
    assert part_of("train_test") == ("", "train_test") and part_of("contest") == ("", "contest")


@pytest.mark.parametrize("folder", ["photos\\cat\\", "photos\\cat/", "cat\\"])
def test_a_zip_of_windows(tmp_path, folder):
    pictures(tmp_path / "made", 24)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("photos\\"), b"")
        for file in sorted((tmp_path / "made").iterdir()):
            made = zipfile.ZipInfo("x")
            made.filename = f"{folder.replace('cat', 'cat' if int(file.stem) % 2 else 'dog')}{file.name}"
            archive.writestr(made, file.read_bytes())
    assert opened(tmp_path / "photos.zip").info.classes == ("cat", "dog")


@pytest.mark.parametrize("name", ["..\\..\\out.png", "a\\..\\..\\out.png", "C:\\out.png", "\\out.png"])
def test_names_of_windows_that_leave_a_zip(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as archive:
        made = zipfile.ZipInfo("x")
        made.filename = name
        archive.writestr(made, b"x")
    with pytest.raises(UserError, match="leaves the zip"):
        opened(tmp_path / "out.zip")


def test_two_files_of_one_name_in_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        for name in ("a/0.png", "a\\0.png"):
            made = zipfile.ZipInfo("x")
            made.filename = name
            archive.writestr(made, b"x")
    with pytest.raises(UserError, match="two files"):
        opened(tmp_path / "twice.zip")


def test_each_class_keeps_a_sample_to_train_on(tmp_path):
    pictures(tmp_path / "many", 30)
    for n in range(60):
        pictures(tmp_path / f"rare{n}", 1)
    said = []
    data = opened(tmp_path, said)
    assert min(data.info.class_counts) == 1 and data.info.test_count == 9
    assert any("rare classes" in note for note in said)


# binary layouts


def idx(values):
    values = np.asarray(values, np.uint8)
    return bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">i4").tobytes() + values.tobytes()


@pytest.mark.parametrize("below", ["", "raw", "MNIST/raw", "FashionMNIST/raw"])
def test_idx_where_torchvision_keeps_it(tmp_path, below):
    folder = tmp_path / below
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in (("train", 30), ("t10k", 10)):
        (folder / f"{name}-images-idx3-ubyte").write_bytes(idx(RNG.integers(0, 256, (count, 8, 8))))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx(np.arange(count) % 3))
    data = opened(tmp_path)
    assert (data.info.count, data.info.test_count, data.info.shape) == (30, 10, (1, 8, 8))


def test_two_sets_in_a_folder_are_named(tmp_path):
    for below in ("MNIST/raw", "KMNIST/raw"):
        (tmp_path / below).mkdir(parents=True)
        (tmp_path / below / "train-images-idx3-ubyte").write_bytes(idx(np.zeros((3, 8, 8))))
    with pytest.raises(UserError, match="KMNIST"):
        opened(tmp_path)


def test_cifar_100(tmp_path):
    folder = tmp_path / "cifar-100-binary"
    folder.mkdir()
    names = [f"class{n}" for n in range(5)]
    (folder / "fine_label_names.txt").write_text("\n".join(names) + "\n")
    (folder / "coarse_label_names.txt").write_text("animal\nplant\n")
    for name, count in (("train", 30), ("test", 10)):
        records = RNG.integers(0, 256, (count, 3074), dtype=np.uint8)
        records[:, 0], records[:, 1] = 1, np.arange(count) % 5
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    for spec in (folder, tmp_path):
        data = opened(spec)
        assert (data.info.count, data.info.test_count, data.info.shape) == (30, 10, (3, 32, 32))
        assert data.info.classes == tuple(names) and np.bincount(data.train_labels).tolist() == [6] * 5


@pytest.mark.parametrize(
    "names", [["data_batch_1", "data_batch_2", "test_batch", "batches.meta"], ["train", "test", "meta", "file.txt~"]]
)
def test_pickled_folders_are_told_of_the_binary_version(tmp_path, names):
    for name in names:
        (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(UserError, match="binary version"):
        opened(tmp_path)


@pytest.mark.parametrize("ending", [".pkl", ".pt", ".pickle"])
def test_pickled_files_are_told_of_npz(tmp_path, ending):
    (tmp_path / f"x{ending}").write_bytes(b"\x80\x04.")
    with pytest.raises(UserError, match="npz"):
        opened(tmp_path / f"x{ending}")


# tables


def table(tmp_path, head, rows, name="t.csv"):
    text = "\n".join([head, *(",".join(map(str, row)) for row in rows)])
    (tmp_path / name).write_text(text + "\n")
    return tmp_path / name


ROWS = np.round(RNG.normal(3, 2, (30, 4)), 3).tolist()


@pytest.mark.parametrize("head", ["0,1,2,3", "1990,1991,1992,1993", "400.5,401.0,401.5,402.0", "1,2,3,4"])
def test_headers_of_numbers(tmp_path, head):
    said = []
    data = opened(table(tmp_path, head, ROWS), said)
    assert data.info.columns == tuple(head.split(",")) and data.info.count + data.info.test_count == 30
    assert any("header" in note for note in said)


@pytest.mark.parametrize("head", ["3.1,0.2,5.5,1.0", "1990,1991,1993,1994", "5,4,3,2"])
def test_first_rows_that_are_no_headers(tmp_path, head):
    assert opened(table(tmp_path, head, ROWS)).info.columns[0] == "column 1"


def test_rising_rows_are_rows(tmp_path):
    rows = [[n, n + 1, n + 2, n + 3] for n in range(30)]
    data = opened(table(tmp_path, "7,8,9,10", rows))
    assert data.info.count + data.info.test_count == 31


@pytest.mark.parametrize("mark", ["?", "NA", "", "nan", "null", "-"])
def test_a_first_row_with_a_gap_is_no_header(tmp_path, mark):
    data = opened(table(tmp_path, f"5,{mark},3,1", ROWS))
    assert data.info.columns[1] == "column 2" and abs(data.info.table[1].missing - 1 / 31) < 1e-9


@pytest.mark.parametrize("name", ["Unnamed: 0", "index", ""])
def test_an_index_column_is_left_out(tmp_path, name):
    said = []
    data = opened(table(tmp_path, f"{name},a,b,c,d", [[n, *row] for n, row in enumerate(ROWS)]), said)
    assert data.info.columns == ("a", "b", "c", "d") and any("left out" in note for note in said)


def test_pandas_columns_without_names_and_their_index(tmp_path):
    data = opened(table(tmp_path, ",0,1,2,3", [[n, *row] for n, row in enumerate(ROWS)]))
    assert data.info.columns == ("0", "1", "2", "3") and data.info.count + data.info.test_count == 30


def test_names_of_rows_as_r_writes_them(tmp_path):
    data = opened(table(tmp_path, "a,b,c,d", [[n + 1, *row] for n, row in enumerate(ROWS)]))
    assert data.info.columns == ("a", "b", "c", "d")


def test_a_column_named_index_that_does_not_count_is_data(tmp_path):
    data = opened(table(tmp_path, "index,a,b,c", ROWS))
    assert data.info.columns == ("index", "a", "b", "c")


@pytest.mark.parametrize("name", ["Class", "LABEL", "Target", "Y", "labels"])
def test_labels_in_any_case(tmp_path, name):
    said = []
    rows = [[*row, "cat" if n % 2 else "dog"] for n, row in enumerate(ROWS)]
    assert opened(table(tmp_path, f"a,b,c,d,{name}", rows), said).info.classes == ("cat", "dog")
    assert any(name in note for note in said)


@pytest.mark.parametrize("base, unit", [(1.7e9, 1.0), (1.7e18, 1e9), (20260000.0, 0.01)])
def test_large_values_keep_their_differences(tmp_path, base, unit):
    stamps = [base + unit * n for n in range(30)]
    data = opened(table(tmp_path, "time,a", [[f"{t:.2f}", n % 7] for n, t in enumerate(stamps)]))
    x = data.info.normalise(np.concatenate([data.train, data.test])).numpy()
    assert len(np.unique(x[:, 0])) == 30 and abs(x[:, 0]).max() < 10
    again = data.info.restore(data.info.normalise(np.array(data.train)))
    assert np.abs(again - data.train)[:, 0].max() <= 1e-5 * unit * 30


def test_arrays_that_nobody_reads_are_named(tmp_path):
    np.savez(tmp_path / "x.npz", x=RNG.random((30, 3)), labels=np.arange(30), X_test=RNG.random((3, 3)))
    said = []
    opened(tmp_path / "x.npz", said)
    assert any("labels" in note and "X_test" in note for note in said)
