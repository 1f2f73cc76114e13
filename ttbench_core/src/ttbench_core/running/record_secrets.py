"""Records without secrets: neither values of secret variables nor what looks like a credential."""

from __future__ import annotations

import dataclasses
import os

from ttbench_core.backends.engine_options import variables_of
from ttbench_core.record.environment import is_recorded
from ttbench_core.record.result import Result
from ttbench_core.request.credentials import (
    hide_in_record,
    is_worth_hiding,
    secrets_of_environment,
)
from ttbench_core.request.options import RunOptions

__all__ = ["failure_message", "without_secrets"]


def without_secrets(result: Result, options: RunOptions) -> Result:
    """Give a result without secrets: a pack's error or note may hold the value of a variable.

    Args:
        result: of this process.
        options: what was asked.
    """
    patterns = variables_of(result.backend or options.backend)
    asked = {
        value
        for name, value in options.environment.items()
        if not is_recorded(name, patterns) and is_worth_hiding(value)
    }
    secrets = asked | secrets_of_environment(os.environ)
    return dataclasses.replace(result, **hide_in_record(vars(result), secrets))


def failure_message(failed: Result) -> str:
    """Give what went wrong in a failed run, as its record says it."""
    return str((failed.failure or {}).get("message"))
