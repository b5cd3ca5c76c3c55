"""The comparison report: runs side by side, each beside real data, in one self-contained HTML file."""

from aegean.report.compare import compare_recipes, compare_runs

__all__ = ["compare_recipes", "compare_runs"]
