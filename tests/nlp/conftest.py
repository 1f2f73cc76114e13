"""What the tests of this pack share: its builders, and what was recorded of its models."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path

import pytest

CATALOGUE = json.loads((Path(__file__).parent / "catalogue.json").read_text())["models"]
BUILDERS = {
    point.name: point
    for point in entry_points(group="ttbench.models")
    if point.value.startswith("ttbench_models_nlp.")
}
#: Networks that the oldest transformers does not have.
NEWER = {
    ("gemma", "3-270m"): "Gemma3ForCausalLM",
    ("modernbert", "base"): "ModernBertModel",
    ("qwen", "3-0.6b"): "Qwen3ForCausalLM",
}


def skip_if_too_new(name: str, config: str) -> None:
    """Skip a test of a network that the installed transformers does not have."""
    transformers = pytest.importorskip("transformers")
    network = NEWER.get((name, config))
    if network is not None and not hasattr(transformers, network):
        pytest.skip(f"transformers {transformers.__version__} has no {network}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `recorded` each configuration in turn."""
    if "recorded" in metafunc.fixturenames:
        rows = [(name, config) for name, configs in CATALOGUE.items() for config in configs]
        ids = [f"{name}-{config}" for name, config in rows]
        metafunc.parametrize("recorded", rows, ids=ids, indirect=True)


class Recorded:
    """A configuration: its builder, and what was recorded of it."""

    def __init__(self, name: str, config: str) -> None:
        self.name = name
        self.config = config
        self.facts = CATALOGUE[name][config]
        self.builder = BUILDERS[name].load()

    @property
    def parameters(self) -> int:
        return self.facts["parameters"] + self.facts.get("head_of_its_own", 0)


@pytest.fixture
def recorded(request: pytest.FixtureRequest) -> Recorded:
    skip_if_too_new(*request.param)
    return Recorded(*request.param)


@pytest.fixture(scope="session")
def builders():
    """Every builder of the pack by name."""
    return {name: point.load() for name, point in BUILDERS.items()}


@pytest.fixture
def available():
    """Call it with a model's name and configuration to skip what is too new."""
    return skip_if_too_new


@pytest.fixture
def few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give decoders a small vocabulary: drawing weights of a large one takes most of a test."""
    from ttbench_models_nlp import decoder_tables, rotary_tables

    for tables in (decoder_tables, rotary_tables):
        families = [getattr(tables, name) for name in tables.__all__]
        for variant in [one for family in families for one in family.variants.values()]:
            monkeypatch.setitem(variant.settings, "vocab_size", 1000)
            if "pad_token_id" in variant.settings:
                monkeypatch.setitem(variant.settings, "pad_token_id", 0)


@pytest.fixture
def narrow(few_words: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the layers of wide decoders narrow as well, and the window of one that has one."""
    from ttbench_models_nlp import rotary_tables as tables

    heads = {"hidden_size": 128, "num_attention_heads": 2}
    inner = {"intermediate_size": 256}
    for variant, sizes in (
        (tables.FALCON.variants["7b"], heads),
        (tables.PHI.variants["1.5"], {**heads, **inner}),
        (tables.PHI.variants["3-mini"], {**heads, **inner, "num_key_value_heads": 2}),
        (tables.GEMMA.variants["3-270m"], {"sliding_window": 4}),
    ):
        for setting, size in sizes.items():
            monkeypatch.setitem(variant.settings, setting, size)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the hub out of reach, also where there is a network."""
    pytest.importorskip("torch")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(autouse=True)
def one_thread():
    """Compute in one thread: these networks are small, and others may need the cores."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
