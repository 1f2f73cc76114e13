"""The reference: a model's stages run by PyTorch alone, in Fp32, eager, on the CPU.

`forward` gives the outputs that a run's are compared with, `agreement` compares
them, `flops` counts the work. It imports torch, and no backend: what a run is
compared with must not come from the engine that ran it.
"""
