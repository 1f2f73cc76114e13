"""A stand-in for torch_xla.core."""
