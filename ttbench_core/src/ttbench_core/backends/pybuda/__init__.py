"""The backend `pybuda`: Tenstorrent's cards through PyBuda; `backend` is the entry point.

Written to PyBuda's public API (tenstorrent/tt-buda at 4a1e83386f16, the same as release v0.19.3).
"""
