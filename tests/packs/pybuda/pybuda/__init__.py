"""A stand-in for Tenstorrent's PyBuda, for tests: the same names, with torch on the CPU beneath.

Names, signatures, enums and defaults come from ../contract.json, which names its source. What the
calls do is written anew from a description of the library. Tests steer it
through `pybuda.standin`.
"""

from pybuda.standin import environment as _environment

_environment.set_homes()

from pybuda.standin import cards as _cards, surface as _surface  # noqa: E402, I001

globals().update(_surface.top_level())
_cards.install_metadata()
_environment.rename_backend()
