"""An audit in words: what was found, what it cannot see, and the block of a model card."""

from __future__ import annotations

from typing import Any

from aegean.formulas.membership import LEVEL
from aegean.surface import plural

NO_GUARANTEE = (
    "This is no formal guarantee. These attacks found what is said here; others may find more. A guarantee would take "
    "training under differential privacy, which aegean does not do."
)


def flags(report: dict[str, Any]) -> list[str]:
    """What the audit cries about; empty where nothing was found."""
    found = []
    largest, copies = report["largest"], report["copies"]
    if largest["alarm"]:
        low, high = largest["interval"]
        found.append(
            f"Members are told from other records: AUC {largest['auc']:.3f} ({low:.3f} to {high:.3f}) by "
            f"{largest['name']}, beyond chance and beyond what is told without the model."
        )
    if copies and copies["copied"]:
        found.append("Samples copy records that were trained on, beyond chance.")
    elif copies and copies["alarm"]:
        found.append(
            "Samples lie nearer to records that were trained on than to others, beyond chance "
            f"(p = {copies['p']:.1g}): the model has fitted its data too closely; copies were not found."
        )
    return found


def verdict(report: dict[str, Any]) -> str:
    """One sentence."""
    if report["flags"]:
        return "Training left a trace that these attacks find."
    return "These attacks found nothing beyond chance."


def unseen(report: dict[str, Any]) -> list[str]:
    """What the audit cannot see."""
    found = [NO_GUARANTEE]
    found.append(
        f"AUCs are averages over {report['members']:,} members; a single record that leaks hardly moves them. The "
        "share caught at 1 % false positives says more about the worst records, and still nothing about one of them."
    )
    copies = report["copies"]
    if copies is None:
        found.append("The model does not sample, so copies among its samples were not looked for.")
    elif copies["smallest"]["exact"] is not None:
        near = copies["smallest"]["near"]
        more = "" if near is None else f", or {near:.2%} of copies moved a quarter of the way to the next record"
        found.append(
            f"Copies of different records below {copies['smallest']['exact']:.2%} of {report['samples']:,} samples "
            f"would not have been seen{more}. One record copied over and over counts as one."
        )
    elif not copies["copied"]:
        found.append("Not even a tenth of the samples being copies would have been seen: too few held-out records.")
    found.append(
        "Distances are taken between values (64 principal directions of them), so a copy that is mirrored, moved or "
        "recoloured is not found, nor a person or a style that was learnt but not copied."
    )
    found.append(
        "The attacker knows the model and samples of its data, but did not train models of his own on other parts of "
        "the data (shadow models), and never saw the training: such attackers reach more."
    )
    few = report["few"]
    if few and few["p"] >= LEVEL:
        found.append(
            f"Even a model of {few['records']} records alone was not found (AUC {few['auc']:.3f}): these attacks are "
            "too weak for this training, and their silence says nothing."
        )
    low, _ = report["blind"]["interval"]
    if low > 0.5:
        found.append(
            f"Members and held-out records differ even without the model: AUC {report['blind']['auc']:.3f}. What the "
            "attacks reach up to there is no fault of the model, what they miss may hide behind it, and p of "
            "copies are not exact."
        )
    return found


def card_block(report: dict[str, Any]) -> str:
    """Markdown for a model card."""
    largest, copies = report["largest"], report["copies"]
    low, high = largest["interval"]
    lines = [
        "## Audit of memorisation",
        "",
        f"{verdict(report)} {plural(report['tests'], 'test')}, {report['members']:,} members beside "
        f"{report['others']:,} held-out {report['data']['records']}, seed {report['seed']}.",
        "",
        "| | found | without leakage |",
        "|---|---|---|",
        f"| strongest attack on single records ({largest['name']}), AUC | {largest['auc']:.3f} ({low:.3f} to "
        f"{high:.3f}) | 0.500 |",
        f"| the same without the model, AUC | {report['blind']['auc']:.3f} | 0.500 |",
        f"| members caught at 1 % false positives | {largest['caught']:.1%} | 1.0% |",
        f"| differential privacy refuted below epsilon | {largest['epsilon']:.2f} | 0 |",
    ]
    if copies:
        every = copies["tests"][0]
        lines += [
            f"| records hit by samples that were trained on | {every['members']:,} of {every['records']:,} | "
            f"{every['expected']:,.0f} |",
            f"| smallest share of copies that would have been seen | {share(copies['smallest']['exact'])} | |",
        ]
    false = report["false_members"]
    lines += [f"| alarms among audits with false members | {false['alarms']} of {false['audits']} | at most 5 % |"]
    return "\n".join([*lines, "", NO_GUARANTEE])


def share(value: float | None) -> str:
    return "none" if value is None else f"{value:.2%}"
