"""The answer of a sweep: the best engine of a model, and that nothing else can be it."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from sweeps import failed, sweep, swept

from ttbench_core.errors import OptionError
from ttbench_core.results.answer import (
    AnswerOptions,
    Gatherer,
    answer_of,
    headline_text,
    parse_baseline,
    parse_price,
)
from ttbench_core.results.answer.cost import eur_per_million, kwh_per_million
from ttbench_core.results.answer.pareto import pareto_set
from ttbench_core.results.answer.wording import ratio_words
from ttbench_core.results.comparison import compare


def answered(results, **options):
    gatherer = Gatherer()
    for number, result in enumerate(results, 1):
        gatherer.add(number, result)
    return answer_of(gatherer.gathering(), AnswerOptions(**options))


def told(results, **options):
    """Give the text of each headline by the label of its question."""
    answer = answered(results, **options)
    return {answer.questions[one.question]: headline_text(answer, one) for one in answer.headlines}


def the_text(results, **options):
    (text,) = told(results, **options).values()
    return text


def three(*args, **options):
    return [swept(*args, **options) for _ in range(3)]


CPU = [{"kind": "cpu", "index": 0, "name": "Example CPU"}]
FAST = [*three(), *three("openvino", "Fp16_b", 490.0)]


def test_one_engine_gives_no_answer():
    assert answered([swept(), swept(model="resnet")]) is None


def test_the_headline_names_the_best_with_its_ratio_interval_outputs_and_verdict():
    text = the_text(FAST)
    assert text.startswith("openvino Fp16_b: 4.9 times torch Fp32, 4.8 to 5.0, outputs right")
    assert "outputs right (PCC 0.99990), stable." in text
    assert text.endswith("The next is the baseline.")


def test_each_model_training_and_scenario_has_a_headline_of_its_own():
    kinds = ({}, {"training": True}, {"scenario": "latency"})
    runs = [
        one
        for model in ("bert", "resnet")
        for args in kinds
        for one in (swept(model=model, args=args), swept("other", model=model, args=args))
    ]
    assert list(told(runs)) == [
        *("bert base", "bert base training", "bert base latency"),
        *("resnet base", "resnet base training", "resnet base latency"),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_headline_agrees_with_compare_on_the_same_records(ttbench, tmp_path, seed):
    rng = random.Random(seed)
    old = [swept(rate=100 * rng.uniform(0.9, 1.1)) for _ in range(rng.choice([1, 3, 5]))]
    new = [swept("fast", "Fp16_b", 300 * rng.uniform(0.9, 1.1)) for _ in range(rng.choice([1, 4]))]
    for name, runs in (("old", old), ("new", new)):
        (tmp_path / name).write_text(json.dumps([one.to_record() for one in runs]))
    outcome = ttbench("compare", tmp_path / "old", tmp_path / "new", "--json",
                      "--across", "backend,dataformat")  # fmt: skip
    (pair,) = json.loads(outcome.out)["pairs"]
    answer = answered(rng.sample([*old, *new], len(old) + len(new)))
    (headline,) = answer.headlines
    effect = headline.pair.effect
    assert effect.ratio == pytest.approx(pair["ratio"], rel=1e-12)
    assert effect.interval.low == pytest.approx(pair["low"], rel=1e-12)
    assert effect.interval.high == pytest.approx(pair["high"], rel=1e-12)
    assert headline.winner.rate == pytest.approx(pair["new"]["samples_per_sec"], rel=1e-12)
    ratio, interval = ratio_words(effect)
    assert f"{ratio} times torch Fp32, {interval}" in headline_text(answer, headline)
    (row,) = answer.rows
    assert row.entries[headline.winner.variant].ratio == effect.ratio


def test_pairs_that_took_turns_are_compared_as_pairs():
    a = swept(run_id="a" * 32, paired_with="b" * 32)
    b = swept("fast", run_id="b" * 32, paired_with="a" * 32, rate=200.0)
    (headline,) = answered([a, b]).headlines
    (pair,) = compare([a], [b], across=["backend"]).pairs
    assert "pair" in pair.effect.covers
    assert headline.pair.effect == pair.effect


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"right": False}, "wrong outputs"),
        ({"dtype": "bfloat16"}, "computed in bfloat16"),
        ({"effective": {}}, "computed in a precision that is not recorded"),
        ({"verdict": "unstable"}, "unstable"),
    ],
)
def test_what_may_not_win_is_named_with_its_reason(changes, reason):
    text = the_text([*three(), *three("mid", rate=150.0), *three("sly", rate=900.0, **changes)])
    assert text.startswith("mid Fp32: 1.50 times torch Fp32")
    assert f"sly Fp32 is faster, but may not win: {reason}." in text


def test_one_bad_record_of_a_pool_keeps_it_from_winning():
    runs = [*three(), *three("sly", rate=900.0), swept("sly", rate=900.0, right=False)]
    assert the_text(runs).startswith("torch Fp32: ")


def test_a_record_without_a_verdict_or_times_cannot_win():
    bare = {"verdict": None, "passes": (), "rate": 900.0}
    text = the_text([*three(), swept("bare", **bare)])
    assert "bare Fp32 is faster, but may not win: no verdict." in text


def test_no_winner_is_said_with_the_reasons():
    text = the_text([swept(right=False), swept("other", verdict="unstable")])
    assert text.startswith("No variant may win.")
    assert "torch Fp32: wrong outputs" in text
    assert "other Fp32: unstable" in text


def test_an_interval_that_spans_one_is_no_clear_winner():
    close = [swept("close", rate=rate) for rate in (99.0, 104.0, 101.5)]
    text = the_text([*[swept(rate=rate) for rate in (101.0, 98.0, 102.0)], *close])
    assert "No clear winner: beside torch Fp32 it has 1.0" in text
    assert "which spans 1." in text
    assert "No clear winner" not in the_text(FAST)


def test_a_lead_without_an_interval_is_no_clear_winner():
    one = {"passes": ()}
    assert "without an interval" in the_text([swept(**one), swept("fast", rate=900.0, **one)])


def test_a_doubtful_baseline_is_said():
    runs = [*three(verdict="unstable", right=False), *three("fast", rate=300.0)]
    text = the_text(runs)
    assert "That ratio has no verdict: the baseline is unstable." in text
    assert "The outputs of the baseline are wrong." in text


def test_the_baseline_is_torch_in_fp32_at_the_lowest_level_and_the_same_microbatch():
    runs = [
        swept("first", rate=10.0),
        swept(rate=80.0, args={"backend_opt_level": 3}),
        swept(rate=50.0),
        swept(rate=500.0, microbatch=16),
        swept("fast", rate=200.0),
    ]
    answer = answered(runs)
    small, large = answer.rows
    assert (small.microbatch, small.baseline.rate) == (8, pytest.approx(50, rel=0.03))
    assert large.baseline.microbatch == 16
    ratios = {answer.variants[one]: entry.ratio for one, entry in small.entries.items()}
    assert ratios["fast Fp32"] == pytest.approx(4, rel=0.03)
    assert ratios["torch Fp32 -opt 1"] == 1.0


def test_without_torch_the_first_variant_is_the_baseline():
    (row,) = answered([swept("one", rate=10.0), swept("two", rate=20.0)]).rows
    assert row.baseline.variant.get("backend") == "one"


def test_a_baseline_can_be_chosen_and_is_not_replaced_where_it_is_missing():
    runs = [*FAST, swept(model="resnet"), swept("other", model="resnet")]
    chosen = parse_baseline("backend=openvino dataformat=Fp16_b")
    answer = answered(runs, baseline=chosen)
    assert [row.baseline is not None for row in answer.rows] == [True, False]
    assert "without a baseline to compare with" in told(runs, baseline=chosen)["resnet base"]
    with pytest.raises(OptionError, match="no record that has a number matches backend=none"):
        answered(runs, baseline=parse_baseline("backend=none"))
    with pytest.raises(OptionError, match="did you mean 'backend'"):
        parse_baseline("bakend=torch")


def test_a_baseline_that_is_no_condition_is_a_target(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model=bert").touch()
    for text in ("old.json", "sqlite:///perf.db?mode=ro", "model=bert", "a b", "'"):
        assert parse_baseline(text) is None


def test_each_engine_enters_with_its_best_microbatch():
    runs = [
        *(swept(rate=rate, microbatch=size) for size, rate in ((1, 50.0), (16, 400.0))),
        *(swept("fast", rate=rate, microbatch=size) for size, rate in ((1, 90.0), (16, 300.0))),
    ]
    text = the_text(runs)
    assert text.startswith("torch Fp32 at microbatch 16: ")
    assert "samples/s, which is the baseline" in text
    assert "fast Fp32 at microbatch 16" in text


def test_for_latency_only_the_smallest_microbatch_counts():
    latency = {"args": {"scenario": "latency"}}
    runs = [
        *(swept(rate=rate, microbatch=size, **latency) for size, rate in ((1, 50.0), (16, 400.0))),
        *(
            swept("fast", rate=r, microbatch=size, **latency)
            for size, r in ((1, 90.0), (16, 300.0))
        ),
    ]
    assert the_text(runs).startswith("fast Fp32 at microbatch 1: 1.8 times torch Fp32")


def test_machines_are_variants_of_their_own_where_there_are_several():
    runs = [swept(machine_name="one"), swept(machine_name="two", rate=200.0)]
    assert the_text(runs).startswith("torch Fp32 on two: 2.0 times torch Fp32 on one")


def test_a_run_that_failed_stands_in_its_row_with_the_reason():
    early = failed("bad", "Fp16_b", args={"microbatch": None})
    answer = answered([*FAST, early])
    (row,) = answer.rows
    (entry,) = [one for one in row.entries.values() if one.cell.failure]
    assert entry.cell.failure == "failed: compile: boom"
    assert entry.ratio is None
    assert answer.variants[entry.cell.variant] == "bad Fp16_b"


def test_an_engine_whose_last_runs_failed_does_not_win_by_older_ones():
    fast = ("openvino", "Fp16_b")
    later = [failed(*fast, error="push: gone."), failed(*fast, error="compile: boom.")]
    text = the_text([*FAST, *later])
    assert text.startswith("torch Fp32: ")
    assert text.endswith(
        "openvino Fp16_b is faster, but may not win: its last run failed: compile: boom."
    )
    mended = [*FAST, *later, swept(*fast, 490.0)]
    assert the_text(mended).startswith("openvino Fp16_b: ")


def test_the_last_run_is_the_one_that_started_last_and_else_the_last_record():
    broken = failed("openvino", "Fp16_b")
    fast = three("openvino", "Fp16_b", 490.0)
    assert the_text([*fast, *three(), broken]).startswith("openvino")
    late = failed("openvino", "Fp16_b")
    assert the_text([late, *three(), *fast]).startswith("torch")
    for odd in ("", "yesterday"):
        undated = replace(late, started_at=odd)
        assert the_text([*fast, *three(), undated]).startswith("torch")
        assert the_text([undated, *fast, *three()]).startswith("openvino")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "refused", "error": "no card"}, "its last run was refused: no card."),
        ({"status": "ok", "error": None, "devices": CPU}, "its last run has no number."),
        ({"status": "gone", "error": None}, "its last run has the status gone."),
    ],
)
def test_a_last_run_without_a_number_bars_its_engine(changes, reason):
    assert the_text([*FAST, failed("openvino", "Fp16_b", **changes)]).endswith(reason)


def test_a_last_run_that_was_interrupted_bars_nobody():
    ended = failed("openvino", "Fp16_b", status="interrupted", error="Ctrl-C")
    assert the_text([*FAST, ended]).startswith("openvino Fp16_b: ")
    assert the_text([*FAST, failed("openvino", "Fp16_b"), ended]).startswith("torch Fp32: ")


def test_a_last_run_that_failed_before_its_sizes_were_known_bars_its_engine():
    early = failed("openvino", "Fp16_b", args={"microbatch": None})
    assert "its last run failed: compile: boom." in the_text([*FAST, early])


def test_a_failure_beside_a_number_does_not_hide_the_number():
    answer = answered([*FAST, failed("openvino", "Fp16_b", args={"microbatch": None})])
    assert len(answer.cells) == 2
    assert all(one.rate for one in answer.cells)


def test_runs_of_another_version_are_left_out_as_compare_does():
    old = three("openvino", "Fp16_b", 1000.0, versions={"python": "3.10"})
    (headline,) = answered([*old, *FAST]).headlines
    assert headline.winner.rate == pytest.approx(490, rel=0.03)


def test_a_million_samples_cost_what_the_hours_cost():
    prices = dict(map(parse_price, ["example=1.8", "example cpu=3.6"]))
    answer = answered(FAST, prices=prices)
    slow, fast = sorted(answer.cells, key=lambda one: one.rate)
    assert eur_per_million(slow, prices) == pytest.approx(3.6 / 3600 / slow.rate * 1e6)
    assert eur_per_million(fast, {"EXAMPLE-HOST": 1.0}) is not None
    assert eur_per_million(fast, {"h100": 1.0}) is None
    assert "EUR a million samples" in the_text(FAST, prices=prices)
    assert "EUR" not in the_text(FAST)


def test_the_cheapest_is_named_where_it_is_not_the_winner():
    runs = [swept(machine_name="small"), swept(machine_name="large", rate=300.0)]
    prices = {"small": 1.0, "large": 30.0}
    assert "The cheapest is torch Fp32 on small: 2." in the_text(runs, prices=prices)
    assert "The cheapest" not in the_text(runs, prices={"small": 1.0, "large": 1.0})


def test_a_price_that_fits_nothing_is_one_line():
    with pytest.raises(OptionError, match="--price h100: no device or host .* Example CPU"):
        answered(FAST, prices={"h100": 2.5})


@pytest.mark.parametrize("text", ["h100", "h100=", "h100=free", "=2", "h100=0", "h100=-1", "a=nan"])
def test_a_price_that_is_none_is_refused(text):
    with pytest.raises(OptionError, match="NAME=EUR_PER_HOUR"):
        parse_price(text)


def test_energy_is_only_what_counters_measured():
    measured = {"energy": {"joules_per_sample": 7.2, "source": "RAPL"}}
    partly = [swept("partly", **measured), swept("partly")]
    cells = answered([*three(**measured), *partly]).cells
    assert [kwh_per_million(one) for one in cells] == [pytest.approx(2.0), None]


def test_the_pareto_set_has_no_point_that_another_beats():
    points = [(1, 5, "a"), (2, 5, "b"), (2, 9, "c"), (3, 7, "d"), (2, 9, "e"), (9, 10, "f")]
    assert pareto_set(points) == ["a", "c", "e", "f"]
    assert pareto_set([]) == []


@pytest.fixture
def most_runs(monkeypatch):
    """Set how many runs are kept."""

    def set_to(count):
        monkeypatch.setattr("ttbench_core.results.answer.kept_runs._MAX_RUNS", count)

    return set_to


@pytest.mark.parametrize("seed", range(5))
def test_a_question_keeps_all_of_its_cells_or_none_in_any_order_of_the_runs(most_runs, seed):
    runs = list(sweep(models=6, engines=3, sizes=2, records=3))
    everything = told(runs)
    rounds = [runs[at::3] for at in range(3)]
    chance = random.Random(seed)
    shuffled = [one for each in rounds for one in chance.sample(each, len(each))]
    most_runs(100)
    answer = answered(shuffled)
    # 12 cells with 3 runs each make a question
    assert len(answer.headlines) == 2
    assert [len(one.runs) for one in answer.cells] == [3] * 24
    assert (answer.left_out.questions, answer.left_out.cells) == (4, 48)
    for one in answer.headlines:
        winner = answer.variants[one.winner.variant]
        assert everything[answer.questions[one.question]].startswith(winner)


def test_the_questions_measured_last_are_kept(most_runs):
    most_runs(8)
    runs = sweep(models=3, engines=2, sizes=1, records=2)
    assert list(told(runs)) == ["model2 base"]


def test_a_question_that_is_too_large_alone_is_left_out_and_counted(most_runs):
    most_runs(5)
    answer = answered(sweep(models=1, engines=3, sizes=1, records=1))
    assert (answer.headlines, answer.rows) == ((), ())
    assert (answer.left_out.questions, answer.left_out.cells) == (1, 6)
    assert answered(sweep(models=9, engines=1, sizes=1, records=1)).left_out.questions > 0


def test_questions_of_one_engine_that_are_left_out_ask_for_no_answer(most_runs):
    most_runs(2)
    assert answered([swept(model=f"model{number}") for number in range(9)]) is None


def test_a_run_that_failed_early_is_left_out_with_its_question(most_runs):
    most_runs(4)
    sizes = {"args": {"seq_len": 128}}
    early = failed("other", args={"microbatch": None, "seq_len": None})
    runs = [swept(**sizes), early, *sweep(models=1, engines=2, sizes=1, records=1)]
    assert list(told(runs)) == ["model0 base"]


def test_the_sweep_is_named_where_records_do():
    runs = [swept(), swept("other")]
    for run in runs:
        object.__setattr__(run, "sweep", {"name": "nightly"})
    assert answered(runs).sweeps == ("nightly",)


@pytest.mark.parametrize(
    "odd",
    [
        {"verification": {"pcc": "x", "passed": "yes"}},
        {"verdict": {"verdict": ["x"]}},
        {"energy": {"joules_per_sample": True}},
        {"latency": {"p50_ns": -1}},
        {"devices": [{"name": 5}]},
        {"effective": {"dtype": []}},
        {"machine_name": None},
        {"model": {}, "args": {"backend_opt_level": "x", "microbatch": "8"}},
    ],
)
def test_records_of_odd_things_are_answered(odd):
    assert told([swept(), swept("other", **odd), swept("third", rate=50.0)])
