"""Stable Diffusion 1 (Rombach et al., 2021, arXiv:2112.10752), as diffusers builds its parts.

`unet` and `vae` are those of CompVis/stable-diffusion-v1-4; `tiny` is a U-Net of two levels, to
try things with. diffusers comes with the pack's extra `diffusion`.
"""

from __future__ import annotations

import importlib
from typing import Any

from ttbench_core import BenchmarkModel, StagedModel, Stages, benchmark_model
from ttbench_core.errors import OptionError
from ttbench_models_vision.recipes import Family, Recipe, four_bits

__all__ = ["stable_diffusion"]

#: Pixels of an image for one of its latents, and channels of these.
_STRIDE = 8
_LATENTS = 4
#: Steps of the noise that the network was made for, and tokens of a prompt.
_STEPS = 1000
_TOKENS = 77

_TINY = {
    "block_out_channels": (32, 64),
    "cross_attention_dim": 32,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
}
_UNET = {
    "block_out_channels": (320, 640, 1280, 1280),
    "cross_attention_dim": 768,
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
}
_VAE = {
    "in_channels": 3,
    "out_channels": 3,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": _LATENTS,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}
#: The deepest level of the U-Net has an eighth of the latents' rows and columns.
_FAMILY = Family(
    name="stable_diffusion",
    pcc=four_bits(0.79),
    least=64,
    multiple=64,
    recipes={
        "unet": Recipe(859_520_964, 1, image_size=512, settings=_UNET),
        "vae": Recipe(83_653_863, 1, image_size=512, settings=_VAE),
        "tiny": Recipe(1_427_012, 16, image_size=256, settings=_TINY),
    },
)


@benchmark_model(configs=_FAMILY.declared(), default_config="unet", task="image generation")
def stable_diffusion(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build a part of Stable Diffusion; `image_size` is that of the picture, 512 by default.

    The inputs of the U-Net, one step of one picture: latents (microbatch, 4, size / 8, size / 8),
    the step (microbatch,), the prompt's hidden states (microbatch, 77, width). It trains as
    published, with the squared error of the noise. The VAE's input is pictures
    (microbatch, 3, size, size), which it makes again; it trains with their squared error alone.
    """
    samples, size = _FAMILY.asked(training, config, microbatch, image_size)
    settings = dict(_FAMILY.recipes[config].settings)
    if config == "vae":
        return _autoencoder(settings, samples, size)
    return _denoiser(settings, samples, size // _STRIDE)


def _denoiser(settings: dict[str, Any], samples: int, cells: int) -> StagedModel:
    import torch

    network = _diffusers("UNet2DConditionModel")(
        sample_size=cells,
        in_channels=_LATENTS,
        out_channels=_LATENTS,
        layers_per_block=2,
        attention_head_dim=8,
        **settings,
    )
    latents = torch.randn(samples, _LATENTS, cells, cells)
    steps = torch.randint(_STEPS, (samples,))
    prompt = torch.randn(samples, _TOKENS, settings["cross_attention_dim"])
    return StagedModel(
        stages=Stages(device=network, loss=torch.nn.MSELoss()),
        inputs=[latents, steps, prompt],
        targets=[torch.randn_like(latents)],
        # a picture takes dozens of these
        unit="denoising step",
        pcc=_FAMILY.pcc,
    )


def _autoencoder(settings: dict[str, Any], samples: int, size: int) -> StagedModel:
    import torch

    network = _diffusers("AutoencoderKL")(sample_size=size, **settings)
    pictures = torch.rand(samples, 3, size, size)
    return StagedModel(
        stages=Stages(device=network, loss=torch.nn.MSELoss()),
        inputs=[pictures],
        targets=[pictures.clone()],
        pcc=_FAMILY.pcc,
    )


def _diffusers(name: str) -> Any:
    try:
        diffusers: Any = importlib.import_module("diffusers")
    except ImportError as error:
        raise OptionError(
            "stable_diffusion needs diffusers, which is not installed:"
            " pip install 'ttbench-models-vision[diffusion]'"
        ) from error
    # at every conversion it would name the modules that must stay in float32: none of them
    diffusers.logging.set_verbosity_error()
    return getattr(diffusers, name)
