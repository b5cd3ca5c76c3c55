"""The page of an audit, and the plain values beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

import aegean
from aegean import report as reports
from aegean.data import DataInfo
from aegean.data.column import trained
from aegean.data.io.rows import column_cells, header
from aegean.files import write_atomically
from aegean.report.kinds import Drawing, kind_of
from aegean.report.page import templates
from aegean.trust.audit import Audit
from aegean.trust.words import share, verdict

COLUMNS = 12  # of a row that is shown as text


def write_page(found: Audit, out: Path) -> None:
    """The page (an .html file), and a .json file beside it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out.with_suffix(".json"), json.dumps(plain(found.report), indent=1, allow_nan=False))
    write_atomically(out, render(found))


def plain(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def render(found: Audit) -> str:
    folders = Path(__file__).parent, Path(reports.__file__).parent
    environment = templates(*folders)
    environment.filters |= {"share": share, "p": p_value}
    return environment.get_template("audit.html").render(
        report=found.report,
        verdict=verdict(found.report),
        title=f"Audit of {found.report['run']}",
        shown=triples(found),
        version=aegean.__version__,
    )


def p_value(p: float) -> str:
    return f"{p:.2g}" if p >= 1e-4 else f"{p:.0e}"


def triples(found: Audit) -> list[tuple[str, Markup]]:
    """The samples nearest to training records: (words, HTML)."""
    if found.triples is None:
        return []
    names = zip(("samples", "their nearest training records", "their nearest held-out records"), found.triples)
    return [(words, _strip(raw, found.dataset.info, words)) for words, raw in names]


def _strip(raw: np.ndarray, info: DataInfo, words: str) -> Markup:
    kind = kind_of(info)
    if not kind.overlaid:
        return kind.strip(Drawing(raw, raw, info, -1, words))
    names, rows = _cells(raw, info)
    row, cell, head = Markup("<tr>{}</tr>"), Markup("<td>{}</td>"), Markup("<th>{}</th>")
    lines = [row.format(Markup().join(head.format(name) for name in names[:COLUMNS]))]
    lines += [row.format(Markup().join(cell.format(value) for value in one[:COLUMNS])) for one in rows]
    return Markup('<div class="scroll"><table>{}</table></div>').format(Markup().join(lines))


def _cells(raw: np.ndarray, info: DataInfo) -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    """The names of columns, and the rows as they are written."""
    if columns := trained(info.table):
        return header(columns), zip(*(column_cells(*each, len(raw), 0) for each in zip(columns, raw.T)))
    names = info.columns or [f"column {n}" for n in range(1, info.shape[0] + 1)]
    return names, [[f"{value:.4g}" for value in row] for row in raw]
