"""What a family's table holds, and what is asked of it; knows no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ttbench_core import Declared

__all__ = ["NEW_TOKENS", "Architecture", "Asked", "Family", "Variant"]

#: Tokens that a model generates for a prompt by default.
NEW_TOKENS: Final = 32


@dataclass(frozen=True)
class Architecture:
    """Two classes of transformers that make a network, and how their settings are called."""

    network: str
    config: str
    #: Version of transformers that brought them.
    since: str = "4.41"
    #: Settings that count layers.
    layers: tuple[str, ...] = ("num_hidden_layers",)
    #: Setting that bounds the tokens of a sequence; None where nothing does.
    positions: str | None = "max_position_embeddings"
    #: Of these, those that no token gets.
    reserved: int = 0
    #: Whether its cache is keys and values of all tokens in every layer, which can be declared.
    declares_cache: bool = False


@dataclass(frozen=True)
class Variant:
    """One configuration: a network, and what it is fed with by default."""

    architecture: Architecture
    #: Parameters, shared ones counted once.
    parameters: int
    #: Where the hub has trained weights of this shape; None where nobody published any.
    hub: str | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    #: Tokens of an input or a prompt.
    sequence: int = 128
    #: Samples an input.
    microbatch: int = 1


@dataclass(frozen=True)
class Family:
    """A model by the name that users type, and its configurations."""

    name: str
    #: What becomes the builder's docstring: the network and its paper.
    about: str
    task: str
    variants: Mapping[str, Variant]

    @property
    def declared(self) -> dict[str, Declared]:
        """What is listed of each configuration."""
        return {
            config: Declared(parameters=variant.parameters, microbatch=variant.microbatch)
            for config, variant in self.variants.items()
        }


@dataclass(frozen=True)
class Asked:
    """What a builder was called with; None where the configuration decides."""

    family: Family
    config: str
    training: bool = False
    microbatch: int | None = None
    layers: int | None = None
    seq_len: int | None = None
    #: Never, of a model that does not generate.
    generative: bool | None = False
    new_tokens: int | None = None
    weights: str | None = None
    #: Kind of the device that it will run on.
    devtype: str | None = None

    @property
    def where(self) -> str:
        """Model and configuration, for messages."""
        return f"{self.family.name} {self.config}"

    @property
    def variant(self) -> Variant:
        """The configuration's entry in the table."""
        return self.family.variants[self.config]

    @property
    def samples(self) -> int:
        """Samples of an input."""
        return self.microbatch or self.variant.microbatch

    @property
    def sequence(self) -> int:
        """Tokens of an input or a prompt."""
        return self.seq_len or self.variant.sequence

    @property
    def generates(self) -> bool:
        """Whether a model that can generate does: unless another thing is asked."""
        return self.generative is not False and not self.training

    @property
    def tokens(self) -> int:
        """Tokens to generate; 0 where none are."""
        return (self.new_tokens or NEW_TOKENS) if self.generates else 0

    def generation(self, prompt: int | None) -> dict[str, object]:
        """Give the settings of the loop after a prompt of so many tokens; empty without one."""
        if not self.generates:
            return {}
        return {"max_length": self.tokens, **({"prompt_length": prompt} if prompt else {})}
