"""The keywords that ttbench calls a builder with, and the flags that they come from."""

from __future__ import annotations

from typing import Final

__all__ = ["FLAG_OF_OPTION", "KEYWORDS"]

#: The keywords that a builder may take, with the flag of each; empty where there is none.
KEYWORDS: Final = {
    "training": "-t/--training",
    "config": "-c/--config",
    "microbatch": "-mb/--microbatch",
    "force_num_layers": "--layers",
    "data_type": "-df/--dataformat",
    "math_fidelity": "-mf/--math_fidelity",
    "arch": "",
    "devtype": "",
    "seq_len": "--seq_len",
    "image_size": "--image_size",
    "generative": "--generative",
    "new_tokens": "--new_tokens",
    "weights": "--weights",
}
#: Those that only some models take: a request for one that a builder lacks is refused.
FLAG_OF_OPTION: Final = {
    name: KEYWORDS[name]
    for name in (
        "microbatch",
        "force_num_layers",
        "seq_len",
        "image_size",
        "new_tokens",
        "weights",
    )
}
