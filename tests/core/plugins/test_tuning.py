"""Recipes as data: which rules hold, and that the packs' files say what PyBuda's benchmark did."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.resources
import itertools
import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import importlib_metadata
import pytest

from ttbench_core.errors import PackContractError
from ttbench_core.plugins.tuning import Facts, Setting, Tuning, evaluate_rules
from ttbench_core.plugins.tuning_rules import read_rules
from ttbench_core.request.options import DataFormat

TESTS = Path(__file__).parents[2]
RECORDED = {
    model["name"]: model
    for model in json.loads((TESTS / "data" / "pybuda_recipes.json").read_text())["models"]
}
LANGUAGE = {"bert", "t5", "flan_t5", "whisper", "whisper_decoder"}
ARCHS = ("grayskull", "wormhole_b0")
POLICIES = ("default", "Ribbon", "CNN")

ASKED = Facts(
    config="large",
    dataformat="Bfp8_b",
    math_fidelity="LoFi",
    backend_opt_level=4,
    arch="wormhole_b0",
    balancer_policy="default",
    training=False,
    chips=1,
    layers=None,
    environment={},
)


def asked(**changes: Any) -> Facts:
    return dataclasses.replace(ASKED, **changes)


def holds(when: Mapping[str, Any], facts: Facts = ASKED) -> bool:
    return evaluate_rules([{"when": when, "env": {"IT": "holds"}}], facts, "here").environment != {}


def strings(rule: Mapping[str, Any], facts: Facts = ASKED) -> list[str]:
    return [str(setting) for setting in evaluate_rules([rule], facts, "here").settings]


@pytest.mark.parametrize(
    ("condition", "its_own", "another"),
    [
        ("config", "large", "base"),
        ("dataformat", "Bfp8_b", "Fp16_b"),
        ("math_fidelity", "LoFi", "HiFi3"),
        ("backend_opt_level", 4, 0),
        ("arch", "wormhole_b0", "grayskull"),
        ("balancer_policy", "default", "Ribbon"),
        ("training", False, True),
        ("chips", 1, 2),
    ],
)
def test_a_condition_holds_for_any_of_its_alternatives(condition, its_own, another):
    assert holds({condition: [its_own]})
    assert holds({condition: [another, its_own]})
    assert not holds({condition: [another]})
    assert not holds({f"{condition}_not": [another, its_own]})
    assert holds({f"{condition}_not": [another]})


def test_a_spelling_of_an_option_is_the_text_of_a_condition():
    assert holds({"dataformat": ["Fp16_b"]}, asked(dataformat=DataFormat.FP16_B))


def test_an_option_not_asked_for_matches_no_alternative():
    unasked = asked(config=None, math_fidelity=None)
    assert not holds({"config": ["large"]}, unasked)
    assert holds({"config_not": ["large"], "math_fidelity_not": ["LoFi"]}, unasked)


def test_all_conditions_of_a_rule_have_to_hold():
    assert holds({"config": ["large"], "arch": ["wormhole_b0"], "training_not": [True]})
    assert not holds({"config": ["large"], "arch": ["grayskull"]})
    assert holds({})


def test_all_named_variables_have_to_be_set_or_unset():
    with_one = asked(environment={"ONE": ""})
    assert holds({"env_set": ["ONE"], "env_unset": ["TWO"]}, with_one)
    assert not holds({"env_set": ["ONE", "TWO"]}, with_one)
    assert not holds({"env_unset": ["ONE", "TWO"]}, with_one)
    assert holds({"env_unset": ["ONE", "TWO"]})


def test_no_rule_depends_on_another():
    rules = [
        {"set": {"balancer_policy": "Ribbon"}, "env": {"ONE": "1"}},
        {"when": {"balancer_policy": ["Ribbon"]}, "env": {"TWO": "2"}},
        {"when": {"env_set": ["ONE"]}, "env": {"THREE": "3"}},
    ]
    assert evaluate_rules(rules, ASKED, "here").environment == {"ONE": "1"}


def test_settings_keep_the_order_of_rules_and_the_last_variable_of_a_name_wins():
    rules = [
        {"env": {"A": "1", "B": "1"}, "set": {"x": True}, "calls": [{"name": "f", "args": [[1]]}]},
        {"env": {"A": "2"}, "set": {"x": False}, "calls": [{"name": "g", "kwargs": {"n": 2}}]},
    ]
    assert evaluate_rules(rules, ASKED, "here") == Tuning(
        {"A": "2", "B": "1"},
        (
            Setting("x", value=True),
            Setting("f", args=([1],), is_call=True),
            Setting("x", value=False),
            Setting("g", kwargs={"n": 2}, is_call=True),
        ),
    )


def test_no_rules_give_no_settings():
    assert evaluate_rules((), ASKED, "here") == Tuning({}, ())


@pytest.mark.parametrize(
    ("rule", "shown"),
    [
        ({"set": {"balancer_policy": "Ribbon"}}, "balancer_policy=Ribbon"),
        ({"set": {"amp_level": 1}}, "amp_level=1"),
        ({"set": {"enable_t_streaming": False}}, "enable_t_streaming=False"),
        ({"calls": [{"name": "enable_amp_light"}]}, "enable_amp_light()"),
        ({"calls": [{"name": "size", "args": ["conv", [1, 12]]}]}, "size(conv, [1, 12])"),
        (
            {
                "calls": [
                    {
                        "name": "configure_mixed_precision",
                        "kwargs": {
                            "op_type": "add",
                            "input_df": {"1": ["DataFormat.Float16_b", False]},
                        },
                    }
                ]
            },
            "configure_mixed_precision(op_type=add, input_df={1: [DataFormat.Float16_b, False]})",
        ),
    ],
)
def test_a_setting_as_text_is_an_assignment_or_a_call(rule, shown):
    assert strings(rule) == [shown]


@pytest.mark.parametrize(
    ("which", "chips", "layers"),
    [
        ("all", 1, [0, 1, 2, 3, 4]),
        ("odd", 1, [1, 3]),
        ("first_of_chip", 1, [0]),
        ("rest_of_chip", 1, [1, 2, 3, 4]),
        ("first_of_chip", 2, [0, 3]),
        ("rest_of_chip", 2, [1, 2, 4]),
        ("first_of_chip", 4, [0, 2, 4]),
        ("first_of_chip", 8, [0, 1, 2, 3, 4]),
        ("rest_of_chip", 8, []),
    ],
)
def test_a_call_is_repeated_for_each_selected_layer(which, chips, layers):
    rule = {
        "layers": {"default": 5, "which": which},
        "calls": [{"name": "f", "args": ["op_{2+53*layer}"]}],
    }
    assert strings(rule, asked(chips=chips)) == [f"f(op_{2 + 53 * layer})" for layer in layers]


def test_the_requested_number_of_layers_replaces_the_default():
    rule = {
        "layers": {"default": 24, "which": "all"},
        "calls": [{"name": "f", "args": ["{layer}"]}],
    }
    assert strings(rule, asked(layers=2)) == ["f(0)", "f(1)"]


def test_a_layer_placeholder_may_be_anywhere_in_the_arguments_of_a_call():
    rule = {
        "layers": {"default": 2, "which": "odd"},
        "calls": [
            {
                "name": "f",
                "args": [["a_{3*layer}", "{7+layer}.{layer}"], 5],
                "kwargs": {"regex": "x{2}", "by": {"k": "{layer}"}},
            }
        ],
    }
    assert strings(rule) == ["f([a_3, 8.1], 5, regex=x{2}, by={k: 1})"]


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"wen": {}}, "unknown 'wen' in a rule (did you mean 'when'"),
        (
            {"when": {"datafromat": ["Fp32"]}},
            "unknown 'datafromat' in 'when' (did you mean 'dataformat'",
        ),
        ({"when": {"env_set_not": ["A"]}}, "unknown 'env_set_not' in 'when'"),
        ({"when": {"layers": [2]}}, "unknown 'layers' in 'when'"),
        ({"when": []}, "'when' must be an object, not []"),
        ({"when": {"config": "large"}}, "'config' must be a list, not 'large'"),
        ({"when": {"config": []}}, "each of the alternatives of 'config' must be a text, not None"),
        (
            {"when": {"config": [224]}},
            "each of the alternatives of 'config' must be a text, not 224",
        ),
        ({"when": {"chips": [True]}}, "alternatives of 'chips' must be a number, not True"),
        ({"when": {"training_not": [1]}}, "of 'training_not' must be true or false, not 1"),
        ({"when": {"env_unset": [1]}}, "alternatives of 'env_unset' must be a text, not 1"),
        ({"env": {"A": 1}}, "the value of A must be a text, not 1"),
        ({"env": ["A"]}, "'env' must be an object, not ['A']"),
        ({"set": [1]}, "'set' must be an object, not [1]"),
        ({"calls": {"name": "f"}}, "'calls' must be a list, not {'name': 'f'}"),
        ({"calls": ["f"]}, "a call must be an object, not 'f'"),
        ({"calls": [{"args": []}]}, "'name' of a call must be a text, not None"),
        ({"calls": [{"name": "f", "arg": 1}]}, "unknown 'arg' in a call (did you mean 'args'"),
        ({"calls": [{"name": "f", "args": "x"}]}, "'args' of a call must be a list, not 'x'"),
        ({"calls": [{"name": "f", "kwargs": []}]}, "'kwargs' of a call must be an object, not []"),
        ({"layers": {"default": 2}}, "'which' of 'layers' must be one of all, odd, first_of_chip"),
        ({"layers": {"which": "odd"}}, "'default' of 'layers' must be a number, not None"),
        ({"layers": {"defualt": 2}}, "unknown 'defualt' in 'layers' (did you mean 'default'?)"),
        (
            {"calls": [{"name": "f", "args": ["op_{layer}"]}]},
            "{layer} is a number of each layer: say which ones with 'layers'",
        ),
        (
            {
                "layers": {"default": 2, "which": "all"},
                "calls": [{"name": "f", "args": ["op_{layer * 2}"]}],
            },
            "{layer * 2} is no number of a layer: write it like {2+53*layer}",
        ),
        ("a rule", "a rule must be an object, not 'a rule'"),
    ],
)
def test_a_malformed_rule_is_reported_with_its_place_and_fault(rule, fault):
    never = {"when": {"config": ["no such"]}}
    with pytest.raises(PackContractError) as refusal:
        evaluate_rules([never, rule], ASKED, "some-pack:bert (some_pack:bert)")
    place = "some-pack:bert (some_pack:bert): rule 2 in its tuning.json: "
    assert str(refusal.value).startswith(place)
    assert fault in str(refusal.value)


def test_an_unknown_key_is_reported_with_all_known_keys():
    with pytest.raises(PackContractError) as refusal:
        evaluate_rules([{"layer": {}}], ASKED, "here")
    assert str(refusal.value).endswith(": it takes when, env, set, calls, layers")


def test_a_rule_is_checked_even_if_its_conditions_do_not_hold():
    with pytest.raises(PackContractError, match="the value of A"):
        evaluate_rules([{"when": {"config": ["no such"]}, "env": {"A": 1}}], ASKED, "here")


@pytest.fixture
def tuned(fake_pack, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a pack that has the package `tuned_pack`, with a tuning.json if one is given."""

    def install(text: str | bytes | None = None) -> None:
        site = fake_pack("tuned-pack", "[ttbench.models]\nm = tuned_pack.deep.models:m\n")
        (site / "tuned_pack").mkdir()
        (site / "tuned_pack" / "__init__.py").touch()
        if text is not None:
            content = text if isinstance(text, bytes) else text.encode()
            (site / "tuned_pack" / "tuning.json").write_bytes(content)
        monkeypatch.delitem(sys.modules, "tuned_pack", raising=False)
        importlib.invalidate_caches()

    return install


def test_rules_are_read_from_the_top_package_of_the_builder(tuned):
    tuned('{"about": "me", "pybuda": {"m": [{"env": {"A": "é"}}], "n": []}, "torch": {}}')
    assert list(read_rules("tuned_pack.deep.models", "m", "pybuda")) == [{"env": {"A": "é"}}]
    assert list(read_rules("tuned_pack", "m", "pybuda")) == [{"env": {"A": "é"}}]


def test_a_model_or_backend_missing_from_the_file_has_no_rules(tuned):
    tuned('{"pybuda": {"m": [{}]}}')
    assert list(read_rules("tuned_pack.models", "another", "pybuda")) == []
    assert list(read_rules("tuned_pack.models", "m", "torch")) == []


def test_a_pack_without_the_file_has_no_rules(tuned):
    tuned()
    assert read_rules("tuned_pack.models", "m", "pybuda") == ()


@pytest.mark.parametrize("module", ["", "no_such_package.models", "__main__"])
def test_a_builder_of_no_package_has_no_rules(module, monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)
    assert read_rules(module, "m", "pybuda") == ()


def test_a_pack_of_a_single_module_has_no_rules(fake_pack):
    site = fake_pack("flat-pack", "[ttbench.models]\nm = flat_mod:m\n", flat_mod="")
    (site / "tuning.json").write_text('{"pybuda": {"m": [{}]}}')
    assert read_rules("flat_mod", "m", "pybuda") == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "Expecting property name"),
        (b'{"pybuda": "\xff"}', "can't decode byte 0xff"),
        ("[]", "the file must be an object, not []"),
        ('{"pybuda": []}', "'pybuda' must be an object, not []"),
        ('{"pybuda": {"m": {}}}', "'m' must be a list, not {}"),
        ('{"pybuda": {"m": ["x"]}}', "a rule must be an object, not 'x'"),
        ('{"pybuda": {"m": [], "m": [{}]}}', "'m' stands twice in one object"),
    ],
)
def test_an_unreadable_file_is_reported_with_its_fault_and_its_form(tuned, text, fault):
    tuned(text)
    with pytest.raises(PackContractError) as refusal:
        read_rules("tuned_pack.models", "m", "pybuda")
    message = str(refusal.value)
    assert message.startswith("tuned_pack/tuning.json: cannot be read: ")
    assert fault in message
    assert message.endswith("its form is {backend: {model: [rule, ...]}}")
    assert "\n" not in message


def test_rules_are_read_without_torch_and_without_stevedore(python):
    done = python(
        "-c",
        "import sys\n"
        "from ttbench_core.plugins.tuning_rules import read_rules\n"
        "read_rules('ttbench_models_nlp.bert', 'bert', 'pybuda')\n"
        "print([name for name in ('torch', 'transformers', 'stevedore') if name in sys.modules])\n",
    )
    assert done.stdout == "[]\n", done.stderr


# What follows holds the packs' files against what is recorded of PyBuda's benchmark.


def pack_of(model: str) -> str:
    """Give the package that has the model's rules; skip the test where it is not installed."""
    package = "ttbench_models_nlp" if model in LANGUAGE else "ttbench_models_vision"
    try:
        importlib_metadata.distribution(package.replace("_", "-"))
    except importlib_metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed")
    return package


def rules_of(model: str) -> list[Any]:
    return list(read_rules(f"{pack_of(model)}.module", model, "pybuda"))


@dataclasses.dataclass
class Asked:
    """What a recipe asks for: variables, attributes in their last state, calls in order."""

    environment: dict[str, Any]
    attributes: dict[str, Any]
    calls: list[tuple[str, list[Any], dict[str, Any]]]


def as_asked(tuning: Tuning) -> Asked:
    calls = [each for each in tuning.settings if each.is_call]
    return Asked(
        dict(tuning.environment),
        {each.name: each.value for each in tuning.settings if not each.is_call},
        [(each.name, list(each.args), dict(each.kwargs)) for each in calls],
    )


#: Arguments that are spelled otherwise in JSON.
IN_JSON = {"{1: (DataFormat.Float16_b, False)}": {"1": ["DataFormat.Float16_b", False]}}


class Record:
    """Evaluates what is recorded of one model; knows nothing of the packs' files."""

    def __init__(self, model: str, facts: Facts) -> None:
        self.model = RECORDED[model]
        self.facts = facts
        self.environment = dict(facts.environment)
        # the original's script does this for bert before the model is built
        if facts.chips > 1:
            self.environment["PYBUDA_MULTICHIP_BERT"] = str(facts.chips)
        self.policy = facts.balancer_policy
        for entry in self.model["compiler_config"]:
            if entry["attr"] == "balancer_policy" and self.is_true(entry["when"]):
                self.policy = entry["value"]

    def asks(self) -> Asked:
        def holding(kind: str) -> list[Any]:
            return [entry for entry in self.model[kind] if self.is_true(entry["when"])]

        return Asked(
            {entry["name"]: entry["value"] for entry in holding("env")},
            {entry["attr"]: entry["value"] for entry in holding("compiler_config")},
            [call for entry in holding("calls") for call in self.calls(entry)],
        )

    def is_true(self, when: Mapping[str, Any]) -> bool:
        return all(self.is_met(name, value) for name, value in when.items())

    def is_met(self, name: str, value: Any) -> bool:
        if name in {"per_layer", "other"}:
            return True
        if name == "env_set":
            return set(value) <= set(self.environment)
        if name == "env_unset":
            return not set(value) & set(self.environment)
        if name == "balancer_policy" and value == ["default"]:
            return self.facts.balancer_policy == "default"
        if name == "balancer_policy":
            return self.policy in value
        if name.endswith("_not"):
            return getattr(self.facts, name[:-4]) not in value
        return getattr(self.facts, name) in value

    def calls(self, entry: Any) -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
        name = entry["function"].rpartition(".")[2]
        if entry["function"].endswith("cpu_fallback_ops.remove"):
            name = "remove_cpu_fallback_ops"
        kwargs = {
            key: IN_JSON.get(value, value) if isinstance(value, str) else value
            for key, value in entry["kwargs"].items()
        }
        if not entry["when"].get("per_layer"):
            yield name, entry["args"], kwargs
            return
        (formula,) = entry["args"]
        stem, first, step = re.fullmatch(r"f'(\w+)\{(\d+) \+ (\d+) \* i\}'", formula).groups()
        for i in self.layers(entry["when"].get("other", [])):
            yield name, [f"{stem}{int(first) + int(step) * i}"], kwargs

    def layers(self, others: list[str]) -> Iterator[int]:
        count = self.facts.layers or 24
        chips = int(self.environment.get("PYBUDA_MULTICHIP_BERT", "1"))
        breaks = [chip * math.ceil(count / chips) for chip in range(chips)]
        tests: dict[str, Callable[[int], bool]] = {
            "i % 2=1": lambda i: i % 2 == 1,
            "i in chip_breaks": lambda i: i in breaks,
            "not i in chip_breaks": lambda i: i not in breaks,
        }
        return (i for i in range(count) if all(tests[other](i) for other in others))


SPARSE_MATMUL = "conv2d_{}.dc.sparse_matmul.9.dc.sparse_matmul.1.lc2"
#: What the original's helpers for models that generate add to the recipe.
OF_T5: tuple[dict[str, str], dict[str, Any], list[Any]] = (
    {
        "PYBUDA_PAD_OUTPUT_BUFFER": "1",
        "PYBUDA_FORCE_SEQUENTIAL": "1",
        "TT_BACKEND_DRAM_POLLING_FREQUENCY": "64",
        "TT_BACKEND_EPOCH_BIN_NUM_SLOTS": "64",
        "PYBUDA_ROTATE_PAST_CACHE_PARAMS": "1",
    },
    {
        "enable_tvm_cpu_fallback": False,
        "default_dram_parameters": False,
        "compile_subgraphs": True,
        "enable_link_past_cache_ios": True,
    },
    [("enable_amp_light", [], {})],
)
ADDED: dict[str, tuple[dict[str, str], dict[str, Any], list[Any]]] = {
    "t5": OF_T5,
    "flan_t5": OF_T5,
    "whisper": (
        {
            "PYBUDA_FORCE_SEQUENTIAL": "1",
            "PYBUDA_PAD_OUTPUT_BUFFER": "1",
            "PYBUDA_PAD_OUTPUT_BUFFER_THRESHOLD_TILES": "1536",
        },
        {
            "amp_level": 1,
            "enable_tvm_cpu_fallback": False,
            "compile_subgraphs": True,
            "enable_link_past_cache_ios": True,
        },
        [],
    ),
    "whisper_decoder": (
        {"PYBUDA_FORCE_SEQUENTIAL": "1"},
        {
            "enable_tvm_cpu_fallback": False,
            "input_queues_on_host": True,
            "enable_link_past_cache_ios": True,
        },
        [],
    ),
}
ADDED_FOR_DECODER: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "wormhole_b0": (
        {
            "PYBUDA_PAD_OUTPUT_BUFFER": "1",
            "TT_BACKEND_MULTI_THREADED_PUSH": "1",
            "TT_BACKEND_DRAM_POLLING_FREQUENCY": "64",
            "PYBUDA_NOP_ON_DIRECT_SHORT_PATH": "1",
            "PYBUDA_NLP_MANUAL_TARGET": "23000",
            "PYBUDA_SKIP_SMALL_UKT": "1",
        },
        {"amp_level": 1},
    ),
    "grayskull": ({"PYBUDA_NLP_MANUAL_TARGET": "2000000"}, {"enable_auto_fusing": False}),
}


def differently(model: str, facts: Facts, record: Asked) -> Asked:
    """Give what the packs' files ask for on purpose, beside or instead of what is recorded."""
    environment, attributes, calls = record.environment, record.attributes, record.calls
    if model == "bert" and facts.config == "large_tc":
        # in the source the embedding is taken off the host for all the others
        calls = [call for call in calls if call[0] != "remove_cpu_fallback_ops"]
    if model == "openpose_hand" and facts.arch == "grayskull":
        # in the source, by the function's other name
        calls = [*calls, ("set_epoch_break", [SPARSE_MATMUL.format(99)], {})]
    if model in ADDED:
        variables, settings, more = ADDED[model]
        environment = environment | variables
        attributes = attributes | settings
        calls = calls + more
    if model == "whisper_decoder":
        variables, settings = ADDED_FOR_DECODER[facts.arch]
        environment = environment | variables
        attributes = attributes | settings
    return Asked(environment, attributes, calls)


def agree(model: str, rules: list[Any], facts: Facts) -> None:
    expected = differently(model, facts, Record(model, facts).asks())
    assert as_asked(evaluate_rules(rules, facts, model)) == expected, facts


@pytest.mark.parametrize("model", RECORDED)
def test_the_files_of_the_packs_give_the_settings_of_the_original_script(model):
    rules = rules_of(model)
    combinations = itertools.product(
        RECORDED[model]["configs"], DataFormat, ARCHS, ("LoFi", "HiFi3"), POLICIES
    )
    for config, dataformat, arch, fidelity, policy in combinations:
        facts = asked(
            config=config,
            dataformat=dataformat.value,
            arch=arch,
            math_fidelity=fidelity,
            balancer_policy=policy,
        )
        agree(model, rules, facts)


@pytest.mark.parametrize("environment", [{}, {"PYBUDA_MODULAR_BERT": "1"}])
@pytest.mark.parametrize("chips", [1, 2, 3, 4, 32])
@pytest.mark.parametrize("layers", [None, 1, 2, 5, 24])
def test_bert_breaks_its_layers_where_the_original_did(layers, chips, environment):
    rules = rules_of("bert")
    for config in RECORDED["bert"]["configs"]:
        facts = asked(config=config, layers=layers, chips=chips, environment=environment)
        agree("bert", rules, facts)


def test_large_bert_breaks_at_every_second_layer_and_on_two_chips_at_every_layer():
    rules = rules_of("bert")
    one = as_asked(evaluate_rules(rules, asked(layers=4), "bert")).calls
    assert one[:2] == [
        ("place_on_new_epoch", ["matmul_94"], {}),
        ("place_on_new_epoch", ["matmul_200"], {}),
    ]
    two = as_asked(evaluate_rules(rules, asked(layers=4, chips=2), "bert")).calls
    assert two[:4] == [
        ("place_on_new_chip", ["matmul_2"], {}),
        ("place_on_new_chip", ["matmul_108"], {}),
        ("place_on_new_epoch", ["matmul_55"], {}),
        ("place_on_new_epoch", ["matmul_161"], {}),
    ]


def test_what_the_original_sets_only_if_unset_needs_no_condition_because_the_user_wins():
    rules = rules_of("hrnet")
    users = {"TT_BACKEND_OVERLAY_MAX_EXTRA_BLOB_SIZE": "20480"}
    facts = asked(config="v2_w64", environment=users)
    recorded = Record("hrnet", facts).asks().environment
    assert {**evaluate_rules(rules, facts, "hrnet").environment, **users} == {**recorded, **users}


def test_bert_in_stages_gets_the_settings_of_bert_that_name_no_operation():
    package = pack_of("bert")
    rules = list(read_rules(f"{package}.bert", "bert_stages", "pybuda"))
    for config, arch, dataformat in itertools.product(
        ("tiny", "base", "large"), ARCHS, ("Bfp8_b", "Fp16_b")
    ):
        facts = asked(config=config, arch=arch, dataformat=dataformat)
        whole = as_asked(evaluate_rules(rules_of("bert"), facts, "bert"))
        assert as_asked(evaluate_rules(rules, facts, "bert")) == dataclasses.replace(
            whole, calls=[]
        )


def file_of(package: str) -> Any:
    return json.loads(importlib.resources.files(package).joinpath("tuning.json").read_text())


#: Models with the settings of a recorded one: parts of it, and it by another name.
DERIVED = {
    *("bert_stages", "resnet50_layer", "mobilenetv2_timm"),
    *("mobilenetv1", "mobilenetv2", "mobilenetv3", "open_pose"),
}


@pytest.mark.parametrize("model", ["bert", "resnet"])
def test_the_file_of_a_pack_lists_the_recorded_models_and_their_source(model):
    package = pack_of(model)
    file = file_of(package)
    of_this_pack = {name for name in RECORDED if (name in LANGUAGE) == (model in LANGUAGE)}
    assert set(file) == {"about", "pybuda"}
    assert set(file["pybuda"]) - DERIVED == of_this_pack
    source = json.loads((TESTS / "data" / "pybuda_recipes.json").read_text())["sources"]["buda"]
    assert source["repository"] in file["about"]
    assert source["commit"] in file["about"]


@pytest.mark.parametrize("model", ["bert", "resnet"])
def test_every_setting_in_the_file_of_a_pack_is_one_that_pybuda_has(model):
    contract = json.loads((TESTS / "packs" / "pybuda" / "contract.json").read_text())
    fields = {name for name, *_ in contract["dataclass_fields"]["pybuda.CompilerConfig"]}
    known = dict(contract["classes"]["pybuda.CompilerConfig"]["methods"])
    known |= {name.rpartition(".")[2]: facts for name, facts in contract["functions"].items()}
    members = {
        f"{kind}.{member}"
        for kind in ("DataFormat", "MathFidelity")
        for member in contract["enums"][f"pybuda.{kind}"]["members"]
    }
    rules = [rule for rules in file_of(pack_of(model))["pybuda"].values() for rule in rules]
    for rule in rules:
        assert set(rule.get("set", {})) <= fields
        for call in rule.get("calls", []):
            parameters = [name for name, *_ in known[call["name"]]["params"]]
            given = [*parameters[: len(call.get("args", []))], *call.get("kwargs", {})]
            assert len(given) == len(set(given)) == len(set(given) & set(parameters))
        spelled = re.findall(r"(?:DataFormat|MathFidelity)\.\w+", json.dumps(rule))
        assert set(spelled) <= members
