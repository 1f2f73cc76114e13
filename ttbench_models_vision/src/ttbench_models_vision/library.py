"""Networks of the transformers library: with random weights, or with trained ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ttbench_core.errors import OptionError
from ttbench_models_vision.recipes import Family
from ttbench_models_vision.settling import settle

__all__ = ["LibraryFamily"]

#: A network of so many times its published layers still fits where the published one does.
_MOST_TIMES_LAYERS = 4


@dataclass(frozen=True)
class LibraryFamily(Family):
    """Configurations that transformers builds."""

    #: Names of its classes in transformers.
    model_class: str = ""
    config_class: str = ""
    #: Settings that all configurations share.
    settings: Mapping[str, Any] = field(default_factory=dict)
    #: Whether the weights are for one image size alone, because positions are learned.
    has_positions: bool = False
    #: Parts of the configuration that have layers and images of their own.
    towers: tuple[str, ...] = ()
    #: Whether its random weights are drawn anew, because activations die away under its own.
    settles: bool = False
    #: The first transformers that has the classes, where it is newer than the pack needs.
    since: str = ""

    def network(
        self, config: str, image_size: int | None, weights: str | None, layers: int | None = None
    ) -> tuple[Any, int]:
        """Build a network.

        Args:
            config: the configuration.
            image_size: rows and columns as asked for.
            weights: None for random ones, `pretrained` for those of the hub, or their folder.
            layers: the number of layers, if another one was asked for.

        Returns:
            The module, and the image size that it takes.

        Raises `OptionError` for sizes, layers and weights that cannot be.
        """
        size = self.size(config, image_size)
        if weights is not None:
            if layers:
                raise OptionError("--layers and --weights: trained layers are as many as they are")
            # imported when they are asked for, as all that --list has no need of
            from ttbench_models_vision.weights import check

            check(weights)
        settings, recipe = self._class(self.config_class), self.recipes[config]
        published = settings(**_merged(self.settings, recipe.settings))
        if layers:
            self._check_layers(layers, published, config)
        model = self._class(self.model_class)
        if weights is None:
            changes = self._changes(size, layers)
            drawn = model(settings(**_merged(self.settings, recipe.settings, changes)))
            return settle(drawn, size) if self.settles else drawn, size
        from ttbench_models_vision.weights import load

        trained = load(model, published, recipe, weights, f"{self.name} {config}")
        return trained, self._trained_size(trained, image_size) or size

    def _check_layers(self, layers: int, published: Any, config: str) -> None:
        parts = [getattr(published, tower) for tower in self.towers] or [published]
        has = min(int(part.num_hidden_layers) for part in parts)
        if layers > _MOST_TIMES_LAYERS * has:
            raise OptionError(
                f"--layers {layers}: {self.name} {config} has {has},"
                f" and takes 1 to {_MOST_TIMES_LAYERS * has}"
            )

    def _changes(self, size: int, layers: int | None) -> dict[str, Any]:
        of_layers = {"num_hidden_layers": layers} if layers else {}
        of_images = {"image_size": size} if self.has_positions else {}
        if not self.towers:
            return {**of_layers, **of_images}
        return {
            tower: {**of_layers, **(of_images if "vision" in tower else {})}
            for tower in self.towers
        }

    def _trained_size(self, trained: Any, asked: int | None) -> int | None:
        if not self.has_positions:
            return None
        own = getattr(trained.config, "vision_config", trained.config).image_size
        if not isinstance(own, int):
            raise OptionError(
                f"these weights of {self.name} are for images of {own} pixels, and those here are"
                " square: give others with --weights"
            )
        if asked and asked != own:
            raise OptionError(
                f"--image_size {asked}: these weights of {self.name} are for {own};"
                " leave out --image_size or --weights"
            )
        return own

    def _class(self, name: str) -> Any:
        import transformers

        found = getattr(transformers, name, None)
        if found is None:
            raise OptionError(
                f"{self.name} needs transformers {self.since or '4.41'} or newer, and here is"
                f" {transformers.__version__}: pip install -U transformers"
            )
        return found


def _merged(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """Put settings over each other; nested ones too, so that a change leaves its neighbours."""
    merged: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
            merged[name] = _merged(merged[name], value) if both else value
    return merged
