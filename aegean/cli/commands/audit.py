"""audit: what a model gives away of the records it was trained on."""

from __future__ import annotations

import argparse
from typing import Any

from aegean.cli.options import a_run, json_answer, overwrite, training, whole
from aegean.cli.outputs import answer, facts, table, target
from aegean.cli.parser import Parser


def options(p: Parser) -> None:
    p.examples("aegean audit runs/vae --out audit.html")
    a_run(p)
    p.add_argument("--out", help="audit.html, a page; its numbers are put into audit.json beside it")
    p.add_argument("--count", type=whole(100, 100_000), default=10_000, help="draw so many samples (default: 10000)")
    p.add_argument("--seed", type=whole(0), default=0, help="of samples and of the choice of records (default: 0)")
    p.add_argument(
        "--canaries",
        type=whole(2, 10_000),
        default=0,
        metavar="N",
        help="train the same once more with N canaries and ask for them; runs of --set canaries=N have theirs",
    )
    p.add_argument(
        "--few", action="store_true", default=False, help="train the same once more on 100 records, which must be found"
    )
    training(p, "device")
    p.set_defaults(device="auto")
    overwrite(p)
    json_answer(p)


def run(args: argparse.Namespace) -> None:
    path = None
    if args.out is not None:
        path, _ = target(args.out, (".html",), args.overwrite)
        target(str(path.with_suffix(".json")), (".json",), args.overwrite)
    from aegean.trust.audit import audit
    from aegean.trust.page import write_page

    found = audit(args.run, args.count, args.seed, args.device, args.canaries, args.few)
    if path is not None:
        write_page(found, path)
    text = shown(found.report)
    answer(text if path is None else f"{text}\n{path}: written; open it in a browser", found.report, args.json)


def shown(report: dict[str, Any]) -> str:
    """An audit on a terminal."""
    from aegean.trust.words import share, verdict

    head = ("attack on single records", "AUC", "95 % interval", "caught at 1 %", "epsilon above")
    blind = {"name": "without the model", **report["blind"]}
    lines = [
        (
            one["name"],
            f"{one['auc']:.3f}",
            f"{one['interval'][0]:.3f} to {one['interval'][1]:.3f}",
            share(one["caught"]),
            f"{one['epsilon']:.2f}",
        )
        for one in (*report["attacks"], blind)
    ]
    parts = [verdict(report), *report["flags"], table(head, lines)]
    false = report["false_members"]
    controls = [("false members", f"{false['alarms']} alarms in {false['audits']} audits; at most 5 % are allowed")]
    if copies := report["copies"]:
        every, least = copies["tests"][0], share(copies["smallest"]["exact"])
        hit = f"{every['members']:,} of {every['records']:,} were trained on, {every['expected']:,.0f} expected"
        planted = [f"{one['share']:.1%} {'seen' if one['seen_exact'] else 'not seen'}" for one in copies["planted"]]
        controls += [
            ("records hit", hit),
            ("planted copies", ", ".join(planted)),
            ("smallest share seen", f"{least} of {report['samples']:,} samples"),
        ]
    if birds := report["canaries"]:
        best = max(birds["attacks"], key=lambda one: one["auc"])
        repeats = ", ".join(f"{n} times {auc:.2f}" for n, auc in best["by_repeats"].items() if auc is not None)
        controls.append(("canaries", f"AUC {best['auc']:.3f} by {best['name']} ({repeats}); 0.5: not remembered"))
    if few := report["few"]:
        controls.append(
            (f"a model of {few['records']} records", f"AUC {few['auc']:.3f} by {few['name']}, p = {few['p']:.1g}")
        )
    return "\n".join([*parts, facts(controls), *report["unseen"]])
