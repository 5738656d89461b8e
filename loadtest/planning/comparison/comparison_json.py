"""A comparison as JSON values, in the form that `docs/compare.md` describes. Pure."""

from collections.abc import Sequence
from typing import Any

from loadtest.planning.comparison.comparison import Comparison
from loadtest.planning.comparison.condition import Judgement
from loadtest.planning.comparison.difference import CONFIDENCE, Interval
from loadtest.planning.comparison.sentence import Judged, verdict

SCHEMA = "headrace-comparison/1"
JUDGED: dict[Judgement, bool | None] = {"met": True, "not met": False, "unknown": None}


def comparison_json(
    comparison: Comparison, before: Sequence[str], after: Sequence[str], conditions: Judged, command: str
) -> dict[str, Any]:
    """The comparison with its conditions, and which of them are met (null: cannot be told)."""
    return {
        "schema": SCHEMA,
        "verdict": verdict(comparison, conditions).sentence,
        "before": list(before),
        "after": list(after),
        "method": comparison.method,
        "pairs": comparison.pairs,
        "left_out": list(comparison.left_out),
        "confidence": CONFIDENCE,
        "differences": [
            {
                "metric": difference.metric,
                "kind": difference.kind,
                "before": difference.before,
                "after": difference.after,
                "change": difference.change,
                "change_interval": _pair(difference.change_interval),
                "after_interval": _pair(difference.after_interval),
                "certain": difference.certain,
            }
            for difference in comparison.differences
        ],
        "fail_if": [{"condition": condition.text, "met": JUDGED[judged]} for condition, judged in conditions],
        "failures": list(comparison.failures),
        "clear": comparison.is_clear,
        "cautions": list(comparison.cautions),
        "command": command,
    }


def _pair(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
