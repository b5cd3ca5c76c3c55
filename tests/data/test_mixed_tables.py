"""Tables of mixed columns: what kind each is, and that rows come back as they were."""

import csv
import datetime
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aegean.config import UserError, from_json, to_json
from aegean.data import open_data
from aegean.data.coder import Coder
from aegean.data.column import MISSING, bins, trained
from aegean.data.io.rows import cells, csv_text, rows_file
from aegean.data.read.cells import Reading, sample
from aegean.data.read.describe import Choice, describe
from aegean.surface import noted

RANDOM = np.random.default_rng(0)
ROWS = [
    [i, n % 7, f"{x:.2f}" if n % 9 else "", ("red", "green", "?")[n % 3], f"2024-01-{1 + n % 28:02}", "always"]
    for i, (n, x) in enumerate(zip(RANDOM.integers(0, 1000, 300).tolist(), RANDOM.normal(size=300).tolist()))
]
NAMES = ["id", "whole", "number", "colour", "day", "same"]


def text(rows, names=NAMES):
    out = io.StringIO()
    csv.writer(out).writerows([names, *rows])
    return out.getvalue()


def test_kinds_are_found():
    table = describe(NAMES, [[str(cell) for cell in row] for row in ROWS])
    assert [column.kind for column in table] == ["identifier", "whole", "number", "category", "date", "constant"]
    assert table[2].decimals == 2 and table[2].missing > 0 and MISSING in table[3].names
    assert from_json(to_json(table)) == table


def test_a_pack_holds_rows_that_come_back(tmp_path, monkeypatch):
    monkeypatch.setenv("AEGEAN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "t.csv").write_text(text(ROWS))
    data = open_data(str(tmp_path / "t.csv"))
    x = data.info.normalise(data.train)
    raw = data.info.restore(x)
    np.testing.assert_array_equal(raw, np.array(data.train))
    lines = set((csv_text(data.info.table, raw)).splitlines())
    given = {",".join(map(str, row[1:])).replace("?", "") for row in ROWS}
    assert {line.partition(",")[2] for line in lines} - {",".join(NAMES[1:])} <= given


CELLS = st.one_of(st.integers(-50, 50).map(str), st.floats(allow_nan=False, width=32).map(str), st.text(max_size=8))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=2, max_size=40))
def test_any_cells_can_be_described_and_restored(rows):
    table = describe(["a", "b"], rows)
    reading = Reading("t", table, ["a", "b"])
    if not trained(table):
        return
    raw = np.concatenate(list(reading.blocks(rows)))
    coder = Coder(table)
    x = coder(torch.from_numpy(raw))
    assert x.isfinite().all() and x.shape[1] == sum(column.width for column in trained(table))
    again = coder.restore(x)
    for i, column in enumerate(trained(table)):
        if column.kind == "category":
            np.testing.assert_array_equal(again[:, i], raw[:, i])
            continue
        edges, single = bins(column)
        assert edges[0] == 0 and edges[-1] == 1 and len(single) == len(edges) - 1 and (np.diff(edges) > 0).all()
        spread = column.values[-1] - column.values[0]
        np.testing.assert_allclose(again[:, i], raw[:, i], atol=1e-3 * spread + 10.0**-column.decimals)


def test_what_is_cut_or_might_be_numbers_is_said():
    cells = [
        [str(n % 7) if n % 3 else "sold out", "x" * 300 if n % 2 else "y", "01234", f"{n % 9},500"] for n in range(89)
    ]
    with noted() as notes:
        table = describe(["price", "text", "post", "sum"], [*cells, ["1", "y", "56789", "7,500"]])
    assert [column.kind for column in table] == ["category"] * 4
    price, text, total = notes
    assert "'price'" in price and "67%" in price and "'text'" in text and "'sum'" in total


def test_small_and_large_numbers_come_back_with_all_their_digits():
    given = [["1.5e-25"], ["2.25"], ["30000000.0"], ["-0.1234567890123456"]] * 7
    table = describe(["x"], given)
    raw = next(Reading("t", table, ["x"]).blocks(given))
    again = Coder(table).restore(Coder(table)(torch.from_numpy(raw)))
    assert cells(table, again) == [[cell for row in given for cell in row]]


def test_kinds_can_be_chosen():
    rows = [[str(n % 3), "x"] for n in range(30)]
    assert describe(["a", "b"], rows, Choice({"a": "category"}))[0].names == ("0", "1", "2")
    with pytest.raises(UserError, match="'b'"):
        describe(["a", "b"], rows, Choice({"b": "number"}))


def test_many_columns_share_their_descriptions(monkeypatch):
    monkeypatch.setattr("aegean.data.read.describe.SHARED", 3_000)
    names = [f"c{c}" for c in range(100)]
    table = describe(names, [[str((n * 79) % 101 + c) for c in range(100)] for n in range(101)])
    assert all(len(column.values) <= 30 and not column.exact for column in table)
    table = describe(names, [[f"{n % 40}x" for _ in range(100)] for n in range(101)])
    assert all(len(column.names) + len(column.rare) == 30 for column in table)


def test_parquet_is_read_with_its_types(tmp_path, monkeypatch):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    monkeypatch.setenv("AEGEAN_CACHE", str(tmp_path / "cache"))
    days = [datetime.datetime(2024, 1, 1 + n % 28, n % 24) for n in range(60)]
    columns = {
        "whole": [None if n % 9 == 0 else n % 4 for n in range(60)],
        "number": [n / 8 for n in range(60)],
        "true": [n % 3 == 0 for n in range(60)],
        "time": days,
        "word": ["ab"[n % 2] for n in range(60)],
    }
    parquet.write_table(arrow.table(columns), tmp_path / "t.parquet")
    data = open_data(str(tmp_path / "t.parquet"))
    assert [column.kind for column in data.info.table] == ["whole", "number", "category", "date", "category"]
    rows = np.concatenate([data.train, data.test])
    with rows_file(tmp_path / "again.parquet", data.info.table) as write:
        write(cells(data.info.table, rows))
    again = parquet.read_table(tmp_path / "again.parquet").to_pydict()
    assert {name: sorted(map(str, values)) for name, values in again.items()} == {
        name: sorted(map(str, values)) for name, values in columns.items()
    }
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    with pytest.raises(UserError, match=r"bad\.parquet"):
        open_data(str(tmp_path / "bad.parquet"))


def test_a_table_of_a_million_cells_is_described_by_some_of_its_rows(monkeypatch):
    monkeypatch.setattr("aegean.data.read.cells.SAMPLED", 50)
    rows, count = sample([str(n)] for n in range(1_000))
    assert count == 1_000 and len(rows) == 50
    places = [int(row[0]) for row in rows]
    assert places == sorted(set(places)) and 300 < np.mean(places) < 700
