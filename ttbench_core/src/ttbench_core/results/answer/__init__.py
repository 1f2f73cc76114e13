"""The answer that results of several engines give: the best of each model, and every ratio.

`gathering` takes results one by one; `kept_runs` keeps, in bounded memory, the runs of each cell:
one variant (engine, format, level, machine) on one question (model, configuration, scenario) at
one microbatch. `contests` compares cells by `results.comparison`, the only place that computes a
ratio and its interval; `answer` puts rows and headlines together, `wording` says them in
sentences. `cost`, `pareto` and `naming` are what these need. Nothing here draws anything.
"""

from __future__ import annotations

from ttbench_core.results.answer.answer import Answer, answer_of
from ttbench_core.results.answer.gathering import Gatherer, Gathering
from ttbench_core.results.answer.options import AnswerOptions, parse_baseline, parse_price
from ttbench_core.results.answer.wording import headline_text

__all__ = [
    "Answer",
    "AnswerOptions",
    "Gatherer",
    "Gathering",
    "answer_of",
    "headline_text",
    "parse_baseline",
    "parse_price",
]
