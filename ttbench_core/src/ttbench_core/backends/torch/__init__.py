"""The torch backend: PyTorch on the CPU and on CUDA devices.

`docs/torch-backend.md` documents how the options map onto PyTorch.
"""
