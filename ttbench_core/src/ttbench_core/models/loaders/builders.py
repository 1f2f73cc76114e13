"""The builder of a loader: what ttbench calls it with, and what is known before it is imported."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ttbench_core.errors import RequestError, UnknownNameError, UnsupportedOptionError
from ttbench_core.model import Builder, StagedModel
from ttbench_core.models.loaders.asking import facts_of, import_loader, variant_of
from ttbench_core.models.loaders.finding import PREFIX, Found, find_loader
from ttbench_core.models.loaders.loading import Asked, load
from ttbench_core.models.loaders.reading import LoaderText, read_loader
from ttbench_core.plugins.catalogue import ModelEntry
from ttbench_core.plugins.containment import contained

__all__ = ["builder_of", "can_import", "loader_entry", "loader_facts"]

#: Keywords of ttbench that a loader takes where its text has a parameter of another name.
_WHERE_TAKEN: Final = {"force_num_layers": "num_layers", "seq_len": "seq_len"}


def builder_of(found: Found) -> Builder:
    """Give the builder of a loader, which is imported when it is called.

    Raises `AmbiguousNameError` for a file with two classes of one name, and `PackContractError`
    for one that has no such class.
    """
    text = read_loader(found)

    def build(**keywords: Any) -> StagedModel:
        _refuse(found, text, keywords)
        model = load(
            found,
            Asked(
                keywords.get("config"),
                keywords.get("microbatch"),
                keywords.get("force_num_layers"),
                keywords.get("seq_len"),
                keywords.get("weights"),
                keywords.get("samples"),
            ),
        )
        return replace(model, notes=(*model.notes, *_code_notes(text)))

    # records have the checkout of the module that a builder is in
    build.__module__ = found.module
    vars(build)["__signature__"] = _signature(text)
    return Builder(build, text.variants, text.default, task=text.task, name=found.module)


def can_import(name: str) -> bool:
    """Return whether a loader is here with the libraries that it imports.

    Those that it imports when it loads are looked for, and not imported.
    """
    try:
        found = find_loader(name)
        with contained():
            import_loader(found)
        return all(map(importlib.util.find_spec, read_loader(found).imported))
    except (RequestError, ValueError):  # ValueError: a module that was put in place by hand
        return False


def loader_facts(name: str, variant: str | None) -> dict[str, str]:
    """Give what a loader says of itself, which may be no more than where it is.

    Raises `UnknownNameError` for a loader or a variant that is not there.
    """
    found = find_loader(name)
    facts = {"module": found.module, "class": found.class_name}
    try:
        with contained():
            loader = import_loader(found)
    except RequestError:
        return facts
    try:
        return facts_of(loader, variant_of(loader, variant, found), found)[0]
    except UnknownNameError:
        raise
    except Exception:  # noqa: BLE001 - a loader may raise anything, and is described without it
        return facts


def loader_entry(name: str) -> ModelEntry:
    """Describe a loader as the list of models does; its module is not imported.

    Raises `UnknownNameError`, `AmbiguousNameError` and `PackContractError`.
    """
    found = find_loader(name)
    text = read_loader(found)
    digest = hashlib.sha256(found.file.read_bytes()).hexdigest()
    return ModelEntry(
        name=name.removeprefix(PREFIX),
        configs=text.variants,
        default_config=text.default or next(iter(text.variants), None),
        pack=PREFIX.rstrip(":"),
        version=digest,
        entry_point=found.module,
        runs_as=name,
        task=text.task,
    )


def _refuse(found: Found, text: LoaderText, keywords: dict[str, Any]) -> None:
    if text.other_framework:
        raise UnsupportedOptionError(
            f"{found.where} is a loader for {text.other_framework}: ttbench runs those for PyTorch"
        )
    if keywords.get("training"):
        raise UnsupportedOptionError(
            f"{found.where} does not train: a loader gives no targets and no loss; leave out -t"
        )


def _code_notes(text: LoaderText) -> Iterator[str]:
    """Say whose code runs beside that of the loader itself."""
    if text.trusts_remote_code:
        yield "its loader runs code that comes with the weights (trust_remote_code)"
    if text.runs_hub_code:
        yield "its loader runs code of a repository (torch.hub.load)"


def _signature(text: LoaderText) -> inspect.Signature:
    kind = inspect.Parameter.KEYWORD_ONLY
    names = ["training", "config", "microbatch", "weights"]
    names += [name for name, taken in _WHERE_TAKEN.items() if taken in text.parameters]
    parameters = [inspect.Parameter(name, kind, default=None) for name in names]
    samples = inspect.Parameter("samples", kind, default=None, annotation=int)
    return inspect.Signature([*parameters, samples])
