"""PyTorch/XLA: lazy tensors, whose operations XLA compiles into one graph for each input."""
