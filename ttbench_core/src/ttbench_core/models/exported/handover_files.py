"""The folder in which a model is handed over to another interpreter.

It is a folder of one run, which only its user can enter: `torch.export.load` unpickles parts of
a file, so it may be given nothing else than what ttbench has just written itself.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import SessionError

__all__ = ["STAGE_FILE", "TENSORS_FILE", "read_facts", "write_facts"]

#: The device stage, by `torch.export.save`.
STAGE_FILE: Final = "stage.pt2"
#: Example inputs and reference outputs, by `torch.save`; loaded with `weights_only`.
TENSORS_FILE: Final = "tensors.pt"
_FACTS_FILE: Final = "model.json"
#: The facts, with their types.
_FACTS: Final[Mapping[str, tuple[type, ...]]] = {
    "identity": (dict,),
    "keywords": (list,),
    "names": (list,),
    "export": (dict,),
    "microbatch": (int,),
    "unit": (str,),
    "pcc": (dict,),
    "notes": (list,),
    "incomparable": (str, type(None)),
}


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write what a record must say of the model, and what runs it must know."""
    text = json.dumps(dict(facts), allow_nan=False)
    (folder / _FACTS_FILE).write_text(text, encoding="utf-8")


def read_facts(folder: Path) -> dict[str, Any]:
    """Read the facts; raises `SessionError` for a folder that another user could have written to.

    Also for one that does not hold them.
    """
    about = folder.lstat()
    is_private = stat.S_ISDIR(about.st_mode) and stat.S_IMODE(about.st_mode) == stat.S_IRWXU
    if not is_private or about.st_uid != os.getuid():
        raise SessionError(f"{folder} is no private folder (mode 700): nothing is loaded from it")
    try:
        facts = json.loads((folder / _FACTS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SessionError(f"{folder} holds no exported model: {error}") from error
    if not isinstance(facts, dict) or not all(
        isinstance(facts.get(name), kinds) for name, kinds in _FACTS.items()
    ):
        raise SessionError(f"{folder} holds no exported model that this ttbench-core can read")
    return facts
