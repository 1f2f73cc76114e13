from ttbench_core.testing import check_builder
from ttbench_models_toy import mlp


def test_every_configuration_builds_and_runs():
    models = check_builder(mlp, microbatch=2)
    assert set(models) == {"small", "wide"}


def test_layers_are_what_was_asked_for():
    model = check_builder(mlp, config="small", layers=5)["small"]
    assert len(model.stages.device) == 2 * 5
