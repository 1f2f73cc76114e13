"""Fixtures of the vision pack's tests."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Any

import pytest

from ttbench_core.errors import OptionError
from ttbench_core.model import BenchmarkModel, Builder


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Compute with one thread: on images so small, more of them wait more than they help."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def builder() -> Callable[[str], Builder]:
    """Load a registered builder by its model's name."""

    def load(model: str) -> Builder:
        if model == "stable_diffusion" and importlib.util.find_spec("diffusers") is None:
            pytest.skip("the extra `diffusion` is not installed")
        (found,) = (p for p in entry_points(group="ttbench.models") if p.name == model)
        return found.load()

    return load


@pytest.fixture
def build(builder: Callable[[str], Builder]) -> Callable[..., BenchmarkModel]:
    """Build one sample of a configuration, on the meta device if asked."""
    torch = pytest.importorskip("torch")

    def made(model: str, config: str, *, meta: bool = False, **options: Any) -> BenchmarkModel:
        chosen = builder(model)
        keywords = {"training": False, "config": config, "microbatch": 1, **options}
        try:
            with torch.device("meta" if meta else "cpu"):
                return chosen(**keywords)
        except RuntimeError as error:
            # some networks of older transformers look at values while they are built
            if not meta or "meta tensor" not in str(error):
                raise
            return chosen(**keywords)
        except OptionError as error:
            if "needs transformers" in str(error):
                pytest.skip(str(error))
            raise

    return made
