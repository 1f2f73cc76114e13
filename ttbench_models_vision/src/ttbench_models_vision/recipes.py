"""The rows of every table of configurations, and what a request makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ttbench_core import Declared
from ttbench_core.errors import OptionError

__all__ = ["Family", "Recipe", "four_bits"]


@dataclass(frozen=True)
class Recipe:
    """One configuration: what is declared of it, and what it is built from."""

    parameters: int
    #: Samples an input that a laptop bears.
    microbatch: int
    #: Rows and columns of its images by default.
    image_size: int = 224
    #: Where it comes from: a repository of the hub, or a function of pytorchcv.
    origin: str = ""
    #: Settings of its own, beside those of the family.
    settings: Mapping[str, Any] = field(default_factory=dict)
    #: Branch or commit of the repository, where it is not the main one.
    revision: str | None = None


@dataclass(frozen=True)
class Family:
    """The configurations of one model, and the image sizes that they bear."""

    #: As in `-m`.
    name: str
    recipes: Mapping[str, Recipe]
    #: The smallest image that leaves something to compute at the last layer.
    least: int = 32
    #: The smallest that one sample can be trained at: below it a batch normalisation sees a single
    #: value of each channel, and one has no variance.
    least_alone: int = 0
    #: Image sizes are multiples of it.
    multiple: int = 1
    #: Lowest correlation with Fp32 that counts as right, where it is not the usual one: a little
    #: below the lowest of several random networks.
    pcc: Mapping[str, float] = field(default_factory=dict)

    def declared(self) -> dict[str, Declared]:
        """Give what `ttbench --list` shows of each configuration."""
        return {
            name: Declared(parameters=recipe.parameters, microbatch=recipe.microbatch)
            for name, recipe in self.recipes.items()
        }

    def asked(
        self, training: bool, config: str, microbatch: int | None, image_size: int | None
    ) -> tuple[int, int]:
        """Give the microbatch and the rows and columns of the images, as asked for or its own.

        Raises `OptionError` for a size that the networks cannot have, or cannot train at.
        """
        samples, size = self.samples(config, microbatch), self.size(config, image_size)
        if training and samples == 1 and size < self.least_alone:
            raise OptionError(
                f"--image_size {size}: {self.name} trains on a single image of {self.least_alone}"
                f" or more: take --image_size {self.least_alone}, or -mb 2"
            )
        return samples, size

    def samples(self, config: str, asked: int | None) -> int:
        """Give the microbatch: the one asked for, else the configuration's own."""
        return asked or self.recipes[config].microbatch

    def size(self, config: str, asked: int | None) -> int:
        """Give rows and columns of the images: those asked for, else the configuration's own.

        Raises `OptionError` for a size that the networks cannot have.
        """
        if not asked:
            return self.recipes[config].image_size
        if asked < self.least:
            raise OptionError(
                f"--image_size {asked} is too small for {self.name}: take {self.least} or more"
            )
        if asked % self.multiple:
            below = asked - asked % self.multiple
            near = [size for size in (below, below + self.multiple) if size >= self.least]
            raise OptionError(
                f"--image_size {asked}: {self.name} takes multiples of {self.multiple},"
                f" such as {' or '.join(str(size) for size in near)}"
            )
        return asked


def four_bits(lowest: float) -> dict[str, float]:
    """Give the lowest correlation of the formats whose weights have four bits."""
    return {"Bfp4": lowest, "Bfp4_b": lowest}
