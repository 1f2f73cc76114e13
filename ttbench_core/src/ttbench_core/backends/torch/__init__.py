"""The torch backend: PyTorch on the CPU and on CUDA devices.

How the seed's options map onto PyTorch is told in `docs/torch-backend.md`.
"""
