"""Trained weights: from a folder, from a hub that cannot be reached, from the wrong network."""

from __future__ import annotations

import json

import pytest

from ttbench_core.errors import OptionError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

OFFLINE = (
    "weights of mobilenet_v2 96 cannot be had: the hub cannot be reached;"
    " download them elsewhere and give the folder: --weights FOLDER"
)


@pytest.fixture
def refusal(build):
    """Give the one line that a build with weights is refused with."""

    def said(model, config, **options):
        with pytest.raises(OptionError) as caught:
            build(model, config, **options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return said


@pytest.fixture
def mobilenet(build, tmp_path):
    """The smallest network, as a folder of its weights."""
    network = build("mobilenet_v2", "96").stages.device
    network.save_pretrained(tmp_path / "mobilenet")
    return network, tmp_path / "mobilenet"


@pytest.fixture
def small_images(build, tmp_path):
    """A transformer for images of 32, as a folder of its weights."""
    folder = tmp_path / "deit"
    build("deit", "small", image_size=32).stages.device.save_pretrained(folder)
    return folder


@pytest.fixture
def altered(mobilenet):
    """Write other settings into the configuration of the smallest network's folder."""

    def folder(**settings):
        file = mobilenet[1] / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))
        return mobilenet[1]

    return folder


def test_weights_of_a_folder_are_those_that_run(build, mobilenet):
    network, folder = mobilenet
    loaded = build("mobilenet_v2", "96", weights=str(folder)).stages.device
    assert loaded.state_dict().keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_random_weights_are_others_with_another_seed(build):
    def first_weight(seed):
        torch.manual_seed(seed)
        return next(build("mobilenet_v2", "96").stages.device.parameters())

    assert torch.equal(first_weight(0), first_weight(0))
    assert not torch.equal(first_weight(0), first_weight(1))


# older releases of the hub's client warn of their own option
@pytest.mark.filterwarnings("ignore:.*resume_download.*:FutureWarning")
def test_a_hub_that_cannot_be_reached_is_told_with_the_remedy(refusal, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    assert refusal("mobilenet_v2", "96", weights="pretrained") == OFFLINE


def test_a_folder_that_is_not_there_is_refused(refusal):
    assert refusal("resnet", "resnet18", weights="no/folder") == (
        "--weights no/folder: there is no such folder; give the folder of the weights,"
        " or pretrained"
    )


def test_a_pickle_is_not_read(refusal, mobilenet, tmp_path):
    network, _ = mobilenet
    folder = tmp_path / "pickled"
    network.config.save_pretrained(folder)
    torch.save(network.state_dict(), folder / "pytorch_model.bin")
    assert refusal("mobilenet_v2", "96", weights=str(folder)) == (
        f"--weights {folder}: there is no safetensors file in it, and no other kind is read"
    )


def test_a_file_that_is_broken_is_told(refusal, mobilenet):
    _, folder = mobilenet
    (folder / "model.safetensors").write_bytes(b"broken")
    line = refusal("mobilenet_v2", "96", weights=str(folder))
    assert line.startswith(f"weights of mobilenet_v2 96 cannot be read from {folder}: ")


def test_weights_of_another_model_are_refused(refusal, mobilenet):
    _, folder = mobilenet
    assert refusal("mobilenet_v1", "192", weights=str(folder)) == (
        f"the weights in {folder} are those of a mobilenet_v2, not of mobilenet_v1 192"
    )


def test_weights_of_another_size_are_refused(refusal, mobilenet):
    _, folder = mobilenet
    assert refusal("mobilenet_v2", "224", weights=str(folder)) == (
        f"the weights in {folder} are not those of mobilenet_v2 224: their depth_multiplier is"
        " 0.35, and it has 1.0; choose the configuration with -c"
    )


def test_weights_of_another_network_with_as_many_parameters_are_refused(refusal, small_images):
    file = small_images / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "num_attention_heads": 1}))
    line = refusal("deit", "small", weights=str(small_images))
    assert "are not those of deit small: their num_attention_heads is 1, and it has 6" in line


def test_a_tower_of_another_network_is_refused(refusal, tmp_path):
    import transformers

    config = transformers.CLIPConfig(text_config={"num_attention_heads": 4})
    config.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"never read")
    line = refusal("clip", "vit-b-32", weights=str(tmp_path))
    assert "their text_config.num_attention_heads is 4, and it has 8" in line


def test_labels_images_and_dropout_make_no_other_network(build, altered):
    labels = {str(n): f"class {n}" for n in range(1001)}
    folder = altered(id2label=labels, image_size=128, classifier_dropout_prob=0.1)
    assert build("mobilenet_v2", "96", weights=str(folder)).inputs[0].shape[-1] == 96


def test_settings_of_published_weights_that_nothing_reads_make_no_other_network():
    transformers = pytest.importorskip("transformers")
    from ttbench_models_vision.configuration import first_difference

    if not hasattr(transformers, "DFineConfig"):
        pytest.skip("transformers is older than D-FINE")
    wanted = transformers.DFineConfig().to_dict()
    backbone = {**wanted["backbone_config"], "embedding_size": 32, "layer_type": "basic"}
    found = {**wanted, "backbone_config": backbone, "decoder_n_points": [3, 6, 3]}
    assert first_difference(found, wanted) is None
    found["backbone_config"] = {**backbone, "stage_num_blocks": [1, 2, 5, 2]}
    name, *_ = first_difference(found, wanted)
    assert name == "backbone_config.stage_num_blocks"


# no kernel of the hub, which is native code, and no module beside the weights is ever asked for
@pytest.mark.parametrize(
    "settings",
    [
        {"attn_implementation": "nobody/kernel"},
        {"_attn_implementation": "nobody/kernel"},
        {"_attn_implementation_internal": "nobody/kernel"},
        {"experts_implementation": "nobody/kernel"},
        {"auto_map": {"AutoConfig": "foreign.Config"}},
    ],
)
def test_a_configuration_leads_to_no_code(build, altered, settings):
    folder = altered(**settings)
    (folder / "foreign.py").write_text("raise SystemExit('this ran')")
    config = build("mobilenet_v2", "96", weights=str(folder)).stages.device.config
    assert getattr(config, "_attn_implementation", None) in {None, "eager", "sdpa"}
    assert not hasattr(config, "auto_map")


def test_a_part_of_a_configuration_leads_to_no_code():
    from ttbench_models_vision.configuration import harmless

    kernel = {"attn_implementation": "nobody/kernel", "hidden_size": 8}
    read = {"text_config": kernel, "backbone_config": {"use_pretrained_backbone": True}}
    assert harmless(read, "the weights") == {
        "text_config": {"hidden_size": 8},
        "backbone_config": {"use_pretrained_backbone": False},
    }


def test_weights_that_are_quantized_are_refused(refusal, altered):
    folder = altered(quantization_config={"quant_method": "gptq", "bits": 4})
    assert refusal("mobilenet_v2", "96", weights=str(folder)) == (
        f"the weights in {folder} are quantized (quantization_config): give those that are not"
    )


def test_what_a_model_returns_is_not_the_choice_of_its_weights(build, altered):
    folder = altered(return_dict=False, output_hidden_states=True, output_attentions=True)
    built = build("mobilenet_v2", "96", weights=str(folder))
    assert list(built.stages.device.eval()(*built.inputs)) == ["logits"]


def test_a_folder_without_a_configuration_is_refused(refusal, mobilenet):
    _, folder = mobilenet
    (folder / "config.json").unlink()
    assert refusal("mobilenet_v2", "96", weights=str(folder)) == (
        f"--weights {folder}: there is no config.json in it;"
        " give a folder that save_pretrained or a download made"
    )


def test_a_configuration_that_is_no_object_is_refused(refusal, mobilenet):
    _, folder = mobilenet
    (folder / "config.json").write_text("[1]")
    line = refusal("mobilenet_v2", "96", weights=str(folder))
    assert line == f"--weights {folder}: config.json is no JSON object, so no configuration"
    (folder / "config.json").write_text("{")
    line = refusal("mobilenet_v2", "96", weights=str(folder))
    assert line.startswith(f"--weights {folder}: config.json cannot be read: ")


def test_an_adapter_is_refused_instead_of_followed(refusal, mobilenet):
    _, folder = mobilenet
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "nobody/base"}')
    line = refusal("mobilenet_v2", "96", weights=str(folder))
    assert "there is an adapter_config.json in it, and adapters are not read" in line


def test_tensors_of_another_shape_are_named_with_both(refusal, altered):
    folder = altered(id2label={"0": "one", "1": "other"}, label2id={"one": 0, "other": 1})
    assert refusal("mobilenet_v2", "96", weights=str(folder)) == (
        f"the weights in {folder} do not fit their config.json:"
        " classifier.bias is [1001] in them, and [2] by it"
    )


def test_loading_says_nothing_and_leaves_the_libraries_as_talkative_as_before(
    refusal, altered, capfd
):
    from huggingface_hub.utils import are_progress_bars_disabled
    from transformers.utils import logging

    def settings():
        enabled = logging.is_progress_bar_enabled()
        return logging.get_verbosity(), enabled, are_progress_bars_disabled()

    before = settings()
    folder = altered(id2label={"0": "one"}, label2id={"one": 0})
    capfd.readouterr()
    refusal("mobilenet_v2", "96", weights=str(folder))
    assert capfd.readouterr() == ("", "")
    assert settings() == before


def test_a_folder_is_looked_at_before_a_library_is_imported(python):
    done = python(
        "-c",
        "import sys; from ttbench_models_vision.vision_transformers import vit\n"
        "for asked in {'weights': 'no/folder'}, {'weights': '.', 'force_num_layers': 2}:\n"
        "    try: vit(training=False, config='base', **asked)\n"
        "    except Exception as error: print(type(error).__name__, 'transformers' in sys.modules)",
    )
    assert done.stdout == "OptionError False\n" * 2, done.stderr


def test_weights_that_lack_a_layer_are_refused(refusal, mobilenet):
    from safetensors.torch import load_file, save_file

    _, folder = mobilenet
    tensors = load_file(folder / "model.safetensors")
    del tensors["classifier.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    line = refusal("mobilenet_v2", "96", weights=str(folder))
    assert line.endswith("are not those of mobilenet_v2 96: there is no classifier.weight in them")


def test_trained_positions_decide_the_image(build, refusal, small_images):
    built = build("deit", "small", weights=str(small_images))
    assert tuple(built.inputs[0].shape) == (1, 3, 32, 32)
    line = refusal("deit", "small", weights=str(small_images), image_size=224)
    assert line.startswith("--image_size 224: these weights of deit are for 32")


def test_trained_layers_are_as_many_as_they_are(refusal, small_images):
    line = refusal("deit", "small", weights=str(small_images), force_num_layers=2)
    assert line == "--layers and --weights: trained layers are as many as they are"


def test_trained_images_that_are_not_square_are_refused(refusal, small_images):
    file = small_images / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "image_size": [16, 64]}))
    line = refusal("deit", "small", weights=str(small_images))
    assert "are for images of [16, 64] pixels, and those here are square" in line
