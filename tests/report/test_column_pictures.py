"""Pictures of the columns that samples match worst."""

from aegean.data.column import trained, width
from aegean.data.info import DataInfo
from aegean.data.read.cells import Reading
from aegean.data.read.describe import describe
from aegean.report.columns import distributions, shares

CELLS = [[str(n % 40), "$a$" if n % 3 else "b", "" if n % 7 == 0 else f"{n / 10}"] for n in range(300)]
TABLE = describe(["whole", "<b>", "number"], CELLS)
INFO = DataInfo("t", (width(TABLE),), (0.0,), (1.0,), "float64", columns=("whole", "<b>", "number"), table=TABLE)
RAW = next(Reading("t", TABLE, ["whole", "<b>", "number"]).blocks(CELLS))


def test_shares_add_up_to_one():
    for i, column in enumerate(trained(TABLE)):
        names, parts = shares(column, RAW[:, i], RAW[::2, i])
        assert len(names) == len(parts[0]) == len(parts[1]) and all(abs(part.sum() - 1) < 1e-9 for part in parts)


def test_the_worst_columns_are_drawn_and_names_are_no_markup():
    made = RAW.copy()
    made[:, 1] = 0
    picture = distributions(RAW, made, 0, INFO, "samples")
    assert picture.startswith("<svg") and "<b>" not in picture and "0.667" in picture
    assert "var(--c0)" not in distributions(RAW, None, -1, INFO, "held-out")
