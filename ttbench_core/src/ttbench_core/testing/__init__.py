"""Checks, fakes and example results for the tests of packs, backends and sinks.

from ttbench_core.testing import check_builder
from my_pack.models import my_model

def test_my_model_follows_the_contract():
    check_builder(my_model, microbatch=1)
"""

from ttbench_core.testing.contract_checks import check_builder, check_session
from ttbench_core.testing.example_results import example_result
from ttbench_core.testing.fakes import FakeClock, FakeSession
from ttbench_core.testing.sink_checks import check_sink

__all__ = [
    "FakeClock",
    "FakeSession",
    "check_builder",
    "check_session",
    "check_sink",
    "example_result",
]
