"""What a builder is called with, and what happens to what it returns."""

from __future__ import annotations

import pytest

from ttbench_core import Builder, RunOptions, StagedModel, Stages
from ttbench_core.errors import (
    OptionError,
    PackContractError,
    UnknownNameError,
    UnsupportedOptionError,
)
from ttbench_core.models.building import build_model, choose_config
from ttbench_core.models.counting import microbatch_of, parameter_count

FACTS = {"data_type": "Fp32", "math_fidelity": None, "arch": "x86_64", "devtype": "cpu"}


class Tensor:
    dtype = "float32"

    def __init__(self, *shape):
        self.shape = shape


def stage(*tensors):
    return tensors


def build(function, **options):
    return build_model(Builder(function), RunOptions("model", **options), FACTS, "pack: m")


def returning(value, **options):
    return build(lambda training: value, **options)


def test_a_builder_gets_those_keywords_that_its_signature_takes():
    def builder(training, arch, microbatch=7):
        assert (training, arch, microbatch) == (False, "x86_64", 7)
        return [stage], [Tensor(7)]

    assert microbatch_of(build(builder)) == 7


def test_a_builder_with_variadic_keywords_gets_all_of_them():
    seen = {}

    def builder(**keywords):
        seen.update(keywords)
        return [stage], [Tensor(2)]

    build(builder, config="tiny", microbatch=2)
    assert seen == {"training": False, "config": "tiny", "microbatch": 2, **FACTS}


def test_a_required_microbatch_is_0_by_default_as_in_the_original():
    def builder(training, config, microbatch, devtype, arch, data_type, math_fidelity, **rest):
        return [stage], [Tensor(microbatch or 128)]

    def original(training, config, microbatch, force_num_layers):
        assert (config, microbatch, force_num_layers) == (None, 0, None)
        return [stage], [Tensor(128)]

    assert microbatch_of(build(original)) == 128


def test_a_builder_of_the_original_script_works_unchanged():
    def bert(training: bool, config: str, force_num_layers: int | None = None):
        return ["pre", stage, "post"] and [stage, stage, stage], [Tensor(2, 3), Tensor(2)]

    model = build(bert, config="tiny", layers=4)
    assert list(model.stages.present()) == ["cpu_pre", "device", "cpu_post"]


def test_the_four_values_of_the_original_script_work():
    duts = {"cpu-pre": stage, "tt": stage, "cpu-loss": stage}
    model = returning((duts, [Tensor(2)], [Tensor(2)], {"max_length": 64}), training=True)
    assert list(model.stages.present()) == ["cpu_pre", "device", "loss"]
    assert model.generation == {"max_length": 64}
    assert len(model.targets) == 1


def test_a_benchmark_model_is_taken_as_it_is():
    mine = StagedModel(Stages(device=stage), [Tensor(1)])
    assert returning(mine) is mine


def test_inputs_may_be_named_nested_and_numbers():
    inputs = {"ids": Tensor(2, 3), "past": [(Tensor(2), None)], "scale": Tensor(), "causal": True}
    assert returning(([stage], inputs)).inputs == inputs
    assert returning(({"tt": stage}, inputs, None, None)).inputs == inputs
    assert returning(([stage], [Tensor(2), [3, Tensor(2)]])).inputs[1][0] == 3


def test_a_declared_microbatch_frees_the_first_dimensions():
    model = StagedModel(Stages(device=stage), [Tensor(7, 4)], [Tensor(3)], microbatch=4)
    assert microbatch_of(build(lambda training, microbatch: model, microbatch=4)) == 4
    with pytest.raises(PackContractError, match="asked for microbatch 7 and made 4;.*microbatch=N"):
        build(lambda training, microbatch: model, microbatch=7)


def test_absent_stages_are_none_in_a_list_of_three():
    model = returning(([None, stage, stage], [Tensor(1)]))
    assert list(model.stages.present()) == ["device", "cpu_post"]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (None, "returned None; return"),
        ("net", "returned a str"),
        ((stage, [Tensor(1)]), "first value is a function, not a list of modules"),
        (([], [Tensor(1)]), "returned 0 modules: one .device. or three"),
        (([stage, stage], [Tensor(1)]), r"return \[cpu_pre, device, None\] or \[None, device, c"),
        (([None, None, stage], [Tensor(1)]), "has no device stage"),
        ((["net"], [Tensor(1)]), "stage device is a str, not a module"),
        (([Tensor], [Tensor(1)]), "stage device is a type, not a module"),
        (([stage], Tensor(1)), "inputs are a Tensor, not a list or dict of tensors"),
        (([stage], []), "returned no inputs"),
        (([stage], {}), "returned no inputs"),
        (([stage], {3: Tensor(1)}), "inputs have the key 3: they are passed by name"),
        (([stage], ["ids"]), "input 0 is a str, not a tensor, a number, None, or a list"),
        (([stage], {"a": [Tensor(1), {1}]}), "input a.1 is a set, not a tensor"),
        (([stage], [3, Tensor(), None]), "has no input with a dimension, .* or declare it with St"),
        (([stage], [Tensor(0, 4)]), r"input 0 has shape \[0, 4\]: the first dimension must be"),
        (([stage], [Tensor(4), Tensor(3)]), "input 1 has 3 samples where input 0 has 4"),
        (
            ([stage], {"scale": Tensor(), "ids": Tensor(4), "past": [Tensor(3)]}),
            "input past.0 has 3 samples where input ids has 4: .* StagedModel.* microbatch=N",
        ),
        (({"net": stage}, [Tensor(1)], [], {}), "not a dict with 'tt'"),
        (({"tt": stage}, [Tensor(1)], [], 5), "fourth value is an int, not a dict"),
        (StagedModel(Stages(device=stage), Tensor(1, 64)), "inputs are a Tensor, not a list"),
        (StagedModel(Stages(device=stage), None), "inputs are None, not a list or dict of tensors"),
        (
            StagedModel(Stages(device=stage), [Tensor(1)], Tensor(1)),
            "targets are a Tensor, not a list of tensors",
        ),
        (({"tt": stage}, [Tensor(2)], [Tensor(1)], {}), "target 0 has 1 samples"),
        (({"tt": stage}, [Tensor(2)], [Tensor()], {}), r"target 0 has shape \[\]"),
        (({"tt": stage}, [Tensor(2)], [2], {}), "target 0 is an int, not a tensor"),
        (
            StagedModel(Stages(device=stage), [Tensor(1)], microbatch=0),
            "declares the microbatch 0, not a number of samples",
        ),
        (
            StagedModel(Stages(device=stage), [Tensor(1)], microbatch="4"),
            "declares the microbatch '4', not a number of samples",
        ),
    ],
)
def test_a_wrong_return_value_is_reported_with_pack_and_fault(value, fault):
    with pytest.raises(PackContractError, match=f"^pack: m: .*{fault}"):
        returning(value)


def test_inputs_of_another_microbatch_than_requested_are_refused():
    with pytest.raises(PackContractError, match="asked for microbatch 4 and made 2"):
        build(lambda training, microbatch: ([stage], [Tensor(2)]), microbatch=4)


def test_training_without_a_loss_is_refused():
    with pytest.raises(PackContractError, match="does not train, leave out -t"):
        returning(([stage], [Tensor(1)]), training=True)


@pytest.mark.parametrize(
    ("option", "flag"), [({"layers": 2}, "--layers"), ({"microbatch": 2}, "-mb/--microbatch")]
)
def test_an_option_that_the_builder_does_not_support_is_refused(option, flag):
    with pytest.raises(UnsupportedOptionError, match=f"does not support {flag}"):
        returning(([stage], [Tensor(2)]), **option)


def test_an_unknown_required_parameter_is_a_fault_of_the_pack():
    with pytest.raises(PackContractError, match="parameter 'colour' is none that a builder"):
        build(lambda training, colour: None)


def test_a_request_error_of_the_builder_passes_through():
    def builder(training):
        raise OptionError("on Sundays only")

    with pytest.raises(OptionError, match="on Sundays only"):
        build(builder)


def test_the_default_configuration_runs_when_none_is_requested():
    assert choose_config(Builder(stage, ["a", "b"], "b"), None, "pack: m") == "b"
    assert choose_config(Builder(stage), None, "pack: m") is None


def test_an_unknown_configuration_gets_suggestions():
    builder = Builder(stage, ["tiny", "base"])
    with pytest.raises(UnknownNameError, match="no configuration 'tinny'.*did you mean 'tiny'"):
        choose_config(builder, "tinny", "pack: m")


def test_a_configuration_for_a_model_without_any_is_refused():
    with pytest.raises(UnsupportedOptionError, match="has no configurations: leave out -c tiny"):
        choose_config(Builder(lambda training: None), "tiny", "pack: m")


def test_an_undecorated_builder_may_take_any_configuration():
    assert choose_config(Builder(lambda training, config: None), "mine", "pack: m") == "mine"


def test_shared_parameters_are_counted_once_and_native_modules_not_at_all():
    class Parameter:
        def numel(self):
            return 10

    shared = Parameter()

    class Module:
        def __call__(self):
            return None

        def parameters(self):
            return [shared, Parameter()]

    model = StagedModel(Stages(device=Module(), cpu_pre=Module()), [Tensor(1)])
    assert parameter_count(model) == 30
    assert parameter_count(StagedModel(Stages(device=stage), [Tensor(1)])) is None


def test_accuracy_declared_for_an_unknown_format_is_refused():
    inexact = StagedModel(Stages(device=stage), [Tensor(2, 3)], pcc={"bf16": 0.9})
    with pytest.raises(PackContractError, match="pcc for 'bf16', which is no data format: Fp32"):
        returning(inexact)


@pytest.mark.parametrize("origin", [{"group": 1}, {1: "priority"}, ["priority"], None])
def test_an_origin_that_is_no_dict_of_texts_breaks_the_contract(origin):
    model = StagedModel(Stages(device=stage), [Tensor(1, 2)], origin=origin)
    with pytest.raises(PackContractError, match="its origin is .*, not a dict of texts"):
        returning(model)
