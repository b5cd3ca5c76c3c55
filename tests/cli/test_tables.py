"""Tables on the command line: rows in files, conditions, gaps."""

import csv

import numpy as np
import pytest

import aegean

pytest.importorskip("pyarrow")
RANDOM = np.random.default_rng(0)
KIND = RANDOM.integers(0, 3, 200)
ROWS = [
    [["cat", "dog", "fish"][k], f"{k + x:.1f}", "" if x > 1 else str(k), "7"]
    for k, x in zip(KIND, RANDOM.normal(size=200))
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    with (folder / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["animal", "size, cm", "kind", "same"], *ROWS])
    settings = {"width": 2, "batch": 32}
    aegean.train("vae", str(folder / "t.csv"), folder / "run", images=640, evaluations=1, settings=settings)
    return folder / "run"


def read(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_rows_have_the_header_order_and_kinds_of_the_input(run, done, tmp_path):
    done("sample", run, "--count", 50, "--out", tmp_path / "rows.csv")
    header, *rows = read(tmp_path / "rows.csv")
    assert header == ["animal", "size, cm", "kind", "same"] and len(rows) == 50
    low, high = (bound(float(row[1]) for row in ROWS) for bound in (min, max))
    for animal, size, kind, same in rows:
        assert animal in ("cat", "dog", "fish") and kind in ("", "0", "1", "2") and same == "7"
        assert low <= float(size) <= high and len(size.partition(".")[2]) == 1


def test_parquet_holds_the_same_rows(run, done, tmp_path):
    import pyarrow.parquet

    done("sample", run, "--count", 50, "--out", tmp_path / "rows.csv")
    done("sample", run, "--count", 50, "--out", tmp_path / "rows.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "rows.parquet")
    assert [str(kind) for kind in table.schema.types][:3] == ["string", "double", "int64"]
    assert table.column("animal").to_pylist() == [row[0] for row in read(tmp_path / "rows.csv")[1:]]


def test_conditions_are_met(run, done, refused, tmp_path):
    conditions = ["--where", "size, cm>=1", "--where", "animal!=cat"]
    done("sample", run, "--count", 20, "--out", tmp_path / "rows.csv", *conditions)
    rows = read(tmp_path / "rows.csv")[1:]
    assert len(rows) == 20 and all(float(row[1]) >= 1 and row[0] != "cat" for row in rows)
    done("sample", run, "--count", 5, "--out", tmp_path / "rows.npz", *conditions)
    with np.load(tmp_path / "rows.npz") as file:
        assert file["x"].shape == (5, 3) and (file["x"][:, 1] >= 1).all()
    done("sample", run, "--count", 3, "--out", tmp_path / "gaps.csv", "--where", "kind=")
    assert all(row[2] == "" for row in read(tmp_path / "gaps.csv")[1:])
    for condition, words in (("anmal=cat", "animal"), ("animal=bird", "none of them"), ("size, cm>x", "none")):
        assert words in refused("sample", run, "--out", tmp_path / "no.csv", "--where", condition)


def test_gaps_are_filled_and_nothing_else_changes(run, done, tmp_path):
    given = [["note", "kind", "animal", "same", "size, cm"], ["a", "?", "cat", "7", "0.5"], ["b", "1", "", "7", ""]]
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows(given)
    done("impute", run, tmp_path / "t.csv", "--out", tmp_path / "full.csv")
    header, first, second = read(tmp_path / "full.csv")
    assert header == given[0] and first[0] == "a" and first[2:] == given[1][2:] and first[1] in ("0", "1", "2")
    assert second[:2] == ["b", "1"] and second[2] in ("cat", "dog", "fish") and float(second[4])


def test_columns_and_kinds_are_chosen(run, tmp_path):
    from aegean.data import DataOptions, open_data

    spec = str(run.parent / "t.csv")
    chosen = open_data(DataOptions(spec, columns="-same,-animal", kind="kind=category", missing="1")).info
    assert chosen.columns == ("size, cm", "kind") and chosen.table[1].kind == "category"
    assert "1" not in chosen.table[1].names
    for options, words in (({"columns": "x"}, "no column"), ({"kind": "kind=color"}, "COLUMN=KIND")):
        with pytest.raises(aegean.UserError, match=words):
            open_data(DataOptions(spec, **options))


def test_other_tables_are_read_as_the_model_knows_them(run, done, tmp_path):
    rows = [[str(n % 3), ("bird", "cat")[n % 2], "x", "7"] for n in range(40)]
    with (tmp_path / "new.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["kind", "animal", "size, cm", "same"], *rows])
    found = aegean.evaluate(run, str(tmp_path / "new.csv"))
    assert any(key.startswith("shape@columns") for key in found)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["ae", "ae_to_gan", "vae_gan"])
def test_recipes_of_rows_take_mixed_columns(run, recipe, tmp_path):
    settings = {"batch": 32, **({"pack": 2} if "gan" in recipe and recipe != "vae_gan" else {})}
    source = str(run) if recipe == "ae_to_gan" else None  # a masked autoencoder, if the run is one
    spec, out = str(run.parent / "t.csv"), tmp_path / "run"
    model = aegean.train(recipe, spec, out, images=960, evaluations=0, source=source, settings=settings)
    if "sample" not in model.can():
        model = aegean.fit_prior(out, "mixture")
    x = model.sample(20)
    assert set(x[:, :3].sum(1).tolist()) == {1.0}  # one category each
