"""A model's stages run plainly: PyTorch, Fp32, eager, on the CPU: the yardstick.

`forward` gives the outputs that a run's are compared with, `agreement` compares
them, `flops` counts the work. It imports torch, and knows no backend: what it
says of a run must not come from the engine that ran it.
"""
