"""Tables: headers, separators, standardised columns, label columns, and every refusal."""

import numpy as np
import pytest
from notes import heard

from aegean.config import UserError
from aegean.data import DataOptions, open_data

RNG = np.random.default_rng(1)


def opened(tmp_path, text, said=None, **options):
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return heard(said if said is not None else [], open_data, DataOptions(str(path), **options))


def table(rows, header="", separator=","):
    return header + "".join(separator.join(map(str, row)) + "\n" for row in rows)


ROWS = np.round(RNG.normal(3, 2, (30, 2)), 3).tolist()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_layouts(tmp_path, separator, header, end):
    text = table(ROWS, f"a{separator}b c\n" if header else "", separator).replace("\n", end)
    data = opened(tmp_path, "\ufeff" + text)
    assert data.info.columns == (("a", "b c") if header else ("column 1", "column 2"))
    rows = np.concatenate([data.train, data.test])
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, ROWS))


def test_range_instead(tmp_path):
    data = opened(tmp_path, table(ROWS), range=(-100.0, 100.0))
    assert data.info.offset == (0.0,) and data.info.scale == (100.0,)
    with pytest.raises(UserError, match="leave the range"):
        opened(tmp_path, table(ROWS), range=(-0.1, 0.1))


@pytest.mark.parametrize("name", ["label", "class", "target", "y"])
def test_text_labels(tmp_path, name):
    rows = [[row[0], "cat" if i % 3 else "dog", row[1]] for i, row in enumerate(ROWS)]
    said = []
    data = opened(tmp_path, table(rows, f"a,{name},b\n"), said)
    assert data.info.classes == ("cat", "dog") and data.info.columns == ("a", name, "b")
    assert any("2 classes" in text for text in said)
    for row, label in zip(data.train, data.train_labels):
        i = next(i for i, r in enumerate(ROWS) if r == [row[0], row[2]])
        assert label == (0 if i % 3 else 1)


def test_number_labels_sort_by_value(tmp_path):
    rows = [[*row, [10, 9, 2][i % 3]] for i, row in enumerate(ROWS)]
    assert opened(tmp_path, table(rows, "a,b,label\n")).info.classes == ("2", "9", "10")


def test_a_y_of_fractions_is_a_column(tmp_path):
    said = []
    data = opened(tmp_path, table(ROWS, "x,y\n"), said)
    assert data.info.columns == ("x", "y") and not data.info.classes
    assert any("fractions" in text for text in said)


def test_row_numbers_are_left_out(tmp_path):
    rows = [[i, *row] for i, row in enumerate(ROWS)]
    assert opened(tmp_path, table(rows, ",a,b\n")).info.columns == ("a", "b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("a,b\n", "no rows"),
        (table([*ROWS, [1, 2, 3]]), "row 31 has 3 cells, expected 2"),
        (table([*ROWS, [1]]), "row 31 has 1 cell,"),
        ("1,234;2,345\n" * 30, "may be a fraction or thousands"),
        (b"PK\x03\x04\x14\0", "document of Office"),
        ("<!DOCTYPE html>\n<p>404, not found", "a web page"),
        (table(ROWS, "a,b\n").encode("utf-16-le"), "no text"),
        (table(ROWS[:10]), "10 samples; at least 20"),
        (b"\xff\xfe\x00a,b\n", "UTF-8"),
        ("a" * 200_000, "not a readable table"),
        ('a,b\n1,"' + "2" * 200_000, "not a readable table"),
    ],
)
def test_refused(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        opened(tmp_path, text)


@pytest.mark.parametrize(
    "form",
    [
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-32"),
        lambda text: "sep=;\n" + text.replace(",", ";"),
        lambda text: '"sep=\t"\n' + text.replace(",", "\t"),
        lambda text: text.replace(",", ";").replace(".", ","),
        lambda text: text.replace(",", "\t").replace(".", ","),
        lambda text: text.replace(",", "|"),
        lambda text: "# made by a machine\n# a,b\n" + text.partition("\n")[2],
        lambda text: "# made, by, a machine\n#\n" + text,
        lambda text: text.replace("a,b", '"a","b"'),
    ],
)
def test_what_other_programs_write(tmp_path, form):
    data = opened(tmp_path, form(table(ROWS, "a,b\n")))
    assert data.info.columns == ("a", "b") and len(data.train) + len(data.test) == len(ROWS)
    rows = np.concatenate([data.train, data.test])
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, ROWS))


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        (table([[i, *row] for i, row in enumerate(ROWS)], "ID,a,b\n"), ("a", "b"), "left out"),
        (table([[i, i, *row] for i, row in enumerate(ROWS)], "Unnamed: 0.1,Unnamed: 0,a,b\n"), ("a", "b"), "left out"),
        (table([[*row, i] for i, row in enumerate(ROWS)], "a,b,t\n"), ("a", "b", "t"), "0 to 29"),
        (table([[700 + i, *row] for i, row in enumerate(ROWS)], "id,a,b\n"), ("a", "b"), "left out"),
        (table(ROWS, "a,a\n"), ("a", "a.2"), "same name"),
        (table([[2**53 + 2 * i, *row] for i, row in enumerate(ROWS)], "t,a,b\n"), ("t", "a", "b"), "last digits"),
        (table([row * 3 for row in ROWS], "9,8,7,6,5,4\n"), ("9", "8", "7", "6", "5", "4"), "header"),
        (table([row * 3 for row in ROWS], "1,2,5,10,20,50\n"), ("1", "2", "5", "10", "20", "50"), "header"),
        (table([row * 2 for row in ROWS], "nm,400.5,401.0,401.5\n"), ("nm", "400.5", "401.0", "401.5"), "header"),
    ],
)
def test_what_is_guessed_is_said(tmp_path, text, columns, said):
    notes = []
    assert opened(tmp_path, text, notes).info.columns == columns
    assert said in " ".join(notes)
