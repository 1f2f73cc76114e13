"""Random tests: how many rounds each has, and how one round is repeated alone."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "fuzz_round" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("fuzz_weight")
        weight = marker.args[0] if marker else 1
        count = max(1, round(metafunc.config.getoption("fuzz_rounds") * weight))
        metafunc.parametrize("fuzz_round", range(count))


@pytest.fixture
def rng(fuzz_round: int, request: pytest.FixtureRequest) -> random.Random:
    """The only source of randomness of a round: `--fuzz-seed` and the name of the test."""
    return random.Random(f"{request.config.getoption('fuzz_seed')}-{request.node.name}")


@pytest.fixture
def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stdout be a terminal without styles, as far as the command line can see."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("_pytest.capture.CaptureIO.isatty", lambda self: True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.failed and "fuzz_round" in getattr(item, "fixturenames", ()):
        seed, rounds = (item.config.getoption(f"fuzz_{one}") for one in ("seed", "rounds"))
        again = f'pytest "{item.nodeid}" --fuzz-seed {seed} --fuzz-rounds {rounds}'
        report.sections.append(("this round alone", again))
    return report
