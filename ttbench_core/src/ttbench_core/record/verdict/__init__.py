"""Whether a number can be trusted: named rules over what was observed while measuring.

Each rule looks at one kind of evidence and gives no finding, or one with its
numbers and a remedy. The number itself is never changed or hidden.
`docs/measuring.md` lists every rule, with the reason for its threshold.
"""

from __future__ import annotations

from typing import Final

from ttbench_core.record.verdict import engine_rules, host_rules, time_rules
from ttbench_core.record.verdict.evidence import Evidence, Finding, Rule

__all__ = ["RULES", "Evidence", "Finding", "judge"]

RULES: Final[tuple[Rule, ...]] = (*time_rules.RULES, *engine_rules.RULES, *host_rules.RULES)

#: From harmless to severe; a hint does not change the verdict.
_LEVELS: Final = ("hint", "noisy", "unstable")


def judge(evidence: Evidence) -> tuple[str, list[Finding]]:
    """Give the verdict, `stable`, `noisy` or `unstable`, and what the rules found, worst first."""
    findings = [finding for rule in RULES for finding in rule(evidence)]
    findings.sort(key=lambda finding: -_LEVELS.index(finding.level))
    levels = [finding.level for finding in findings if finding.level != "hint"]
    return (levels[0] if levels else "stable"), findings
