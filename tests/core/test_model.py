"""The decorator accepts the original script's builders and reports what is wrong with others."""

from __future__ import annotations

import pytest

from ttbench_core import BenchmarkModel, Builder, StagedModel, Stages, benchmark_model


def test_a_decorated_builder_is_still_called_like_the_function():
    @benchmark_model(configs=["tiny", "base"])
    def bert(training: bool, config: str):
        """Build it."""
        return training, config

    assert bert(True, config="tiny") == (True, "tiny")
    assert bert.__name__ == "bert"
    assert bert.__doc__ == "Build it."


def test_the_first_configuration_is_the_default_unless_one_is_declared():
    assert benchmark_model(configs=["a", "b"])(len).default_config == "a"
    assert benchmark_model(configs=["a", "b"], default_config="b")(len).default_config == "b"


def test_a_bare_decorator_makes_a_model_without_configurations():
    @benchmark_model
    def one(training):
        return training

    assert isinstance(one, Builder)
    assert one.configs == ()
    assert one.default_config is None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"configs": ["a", "a"]}, ValueError, "a configuration is named twice"),
        ({"configs": ["a"], "default_config": "b"}, ValueError, "default 'b' is not in configs"),
        ({"configs": "tiny"}, TypeError, "configs is a list of names"),
        ({"configs": [18, 50]}, TypeError, r"configs \[18, 50\] are not names"),
    ],
)
def test_contradicting_declarations_are_refused_by_the_decorator(arguments, error, message):
    with pytest.raises(error, match=message):
        benchmark_model(**arguments)(len)


def test_the_standard_model_follows_the_protocol():
    assert isinstance(StagedModel(Stages(device=len), [1]), BenchmarkModel)


def test_stages_come_in_the_order_of_the_data():
    stages = Stages(device=1, cpu_pre=2, cpu_post=3, loss=4)
    assert list(stages.present()) == ["cpu_pre", "device", "cpu_post", "loss"]
    assert list(stages.present(training=False)) == ["cpu_pre", "device", "cpu_post"]
    assert list(Stages(device=1).present()) == ["device"]
