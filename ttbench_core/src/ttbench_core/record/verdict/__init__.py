"""Whether a number can be trusted: named rules over what was seen while measuring.

Each rule looks at one kind of evidence and says nothing, or gives a finding
with its numbers and what helps. The number itself is never changed or hidden.
`docs/measuring.md` tells every rule and why its threshold is what it is.
"""

from __future__ import annotations

from typing import Final

from ttbench_core.record.verdict import host_rules, time_rules
from ttbench_core.record.verdict.evidence import Evidence, Finding, Rule

__all__ = ["RULES", "Evidence", "Finding", "judge"]

RULES: Final[tuple[Rule, ...]] = (*time_rules.RULES, *host_rules.RULES)

#: From harmless to damning; a hint leaves the verdict as it is.
_LEVELS: Final = ("hint", "noisy", "unstable")


def judge(evidence: Evidence) -> tuple[str, list[Finding]]:
    """Give the verdict, `stable`, `noisy` or `unstable`, and what the rules found, worst first."""
    found = [finding for rule in RULES for finding in rule(evidence)]
    found.sort(key=lambda finding: -_LEVELS.index(finding.level))
    spoilt = [finding.level for finding in found if finding.level != "hint"]
    return (spoilt[0] if spoilt else "stable"), found
