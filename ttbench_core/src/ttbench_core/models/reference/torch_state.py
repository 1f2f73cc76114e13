"""What belongs to the whole process in PyTorch: its random numbers and its settings."""

from __future__ import annotations

import torch

__all__ = ["global_settings", "random_numbers", "random_state"]


def random_numbers() -> tuple[float, ...]:
    """Draw a few numbers from the host's generator, which moves it on."""
    return tuple(torch.rand(8).tolist())


def random_state() -> tuple[int, ...]:
    """Give the state of the host's generator."""
    return tuple(torch.get_rng_state().tolist())


def global_settings() -> dict[str, object]:
    """Give the settings of this thread and process that change what PyTorch computes, by name."""
    return {
        "default dtype": torch.get_default_dtype(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "float32 matmul precision": torch.get_float32_matmul_precision(),
        "gradients": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "number of threads": torch.get_num_threads(),
    }
