"""Trained weights: from a folder, from a hub that cannot be reached, from the wrong network."""

from __future__ import annotations

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
    line = refusal("mobilenet_v2", "224", weights=str(folder))
    assert "they are 1,678,409 parameters, and it has 3,506,153" in line


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
