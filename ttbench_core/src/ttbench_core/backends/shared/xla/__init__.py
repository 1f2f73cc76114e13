"""What engines on PyTorch/XLA share: its runtime, lazy sessions, what was compiled.

A module that imports torch_xla says so; `torch_xla` reads the environment when it is imported.
"""
