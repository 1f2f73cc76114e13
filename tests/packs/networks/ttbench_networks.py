"""Small torch models as an installed pack: each is one way in which a model can be built."""

from __future__ import annotations

from ttbench_core import StagedModel, Stages, benchmark_model

TILE = 32
WORDS = 40
STATE = (4, 8)


@benchmark_model(configs=["small", "wide"])
def dense(training: bool, config: str, microbatch: int = 4):
    """One stage, with a loss."""
    import torch

    width = {"small": 8, "wide": 64}[config]
    return StagedModel(
        stages=Stages(device=torch.nn.Linear(width, 3), loss=torch.nn.L1Loss()),
        inputs=[torch.rand(microbatch, width)],
        targets=[torch.rand(microbatch, 3)],
    )


@benchmark_model
def staged(training: bool, microbatch: int = 4):
    """Three stages, whole numbers going in, and two outputs that the loss takes with a target."""
    import torch
    from networks_parts import Embed, First, Split

    return StagedModel(
        stages=Stages(
            cpu_pre=Embed(), device=torch.nn.Linear(6, 4), cpu_post=Split(), loss=First()
        ),
        inputs=[torch.randint(10, (microbatch, 5))],
        targets=[torch.rand(microbatch, 5, 2)],
    )


@benchmark_model(configs=["device", "staged", "listed"])
def gated(training: bool, config: str, microbatch: int = 4):
    """Inputs by name, nested, and numbers, for the device, the host or the first of two modules."""
    import torch
    from networks_parts import Gate

    shape = (microbatch, 6)
    inputs = {
        "hidden": torch.rand(*shape),
        "pair": (torch.rand(*shape), {"last": torch.rand(*shape)}),
        "scale": torch.tensor(0.5),
        "repeats": 3,
        "mask": None,
    }
    last = torch.nn.Linear(6, 2)
    stages = {
        "device": Stages(device=Gate(), loss=torch.nn.L1Loss()),
        "staged": Stages(cpu_pre=Gate(), device=last, loss=torch.nn.L1Loss()),
        "listed": Stages(device=[Gate(), last]),
    }[config]
    targets = [torch.rand(*shape)] if config == "device" else [torch.rand(microbatch, 2)]
    return StagedModel(stages, inputs, targets)


@benchmark_model
def counted(training: bool, microbatch: int = 4):
    """Whole numbers go to the device."""
    import torch
    from networks_parts import Count

    return [Count()], [torch.randint(10, (microbatch, 5))]


@benchmark_model
def ignoring(training: bool, microbatch: int = 4):
    """Its loss takes no part of the second output."""
    import torch
    from networks_parts import FirstAlone, Split

    return StagedModel(
        stages=Stages(
            device=torch.nn.Sequential(torch.nn.Linear(8, 4), Split()), loss=FirstAlone()
        ),
        inputs=[torch.rand(microbatch, 8)],
        targets=[torch.rand(microbatch, 2)],
    )


def _generator(first_current_index, tokens):
    import torch
    from networks_parts import Decoder, Encoder

    positions = 4 * TILE
    ids = torch.randint(WORDS, (1, 16), dtype=torch.int32)
    mask = torch.ones(1, 16)
    decoder_ids = torch.zeros(1, TILE, dtype=torch.int32)
    decoder_mask = torch.zeros(1, positions)
    decoder_mask[0, positions - TILE] = 1
    state, past = torch.rand(1, *STATE), torch.zeros(1, 2, TILE, 8)
    inputs = [ids, mask, decoder_ids, decoder_mask]
    groups = [
        [ids, mask] if first_current_index is not None else [ids],
        [decoder_ids, decoder_mask, state, mask, past],
        [decoder_ids, decoder_mask, mask, past],
    ]
    modules = [Encoder(), Decoder(reads_state=True), Decoder(reads_state=False)]
    other = {"compile_inputs": groups, "max_length": tokens, "write_index": 0}
    if first_current_index is not None:
        other |= {"first_current_index": positions - TILE, "pad_token_id": 0}
    return {"tt": modules}, inputs, (), other


@benchmark_model
def speaker(training: bool):
    """Generates text, in the original's four values; more tokens than a tile holds."""
    return _generator(first_current_index=0, tokens=TILE + 3)


@benchmark_model
def listener(training: bool):
    """Generates from speech: its outputs are no tokens that go back in."""
    return _generator(first_current_index=None, tokens=5)


@benchmark_model
def tuned(training: bool, microbatch: int = 4):
    """Passes rules of its own."""
    import torch

    rules = [
        {"env": {"PYBUDA_OWN_RULE": "1"}},
        {"when": {"dataformat": ["Bfp8_b"]}, "set": {"balancer_policy": "Ribbon"}},
    ]
    return StagedModel(
        stages=Stages(device=torch.nn.Linear(8, 3)),
        inputs=[torch.rand(microbatch, 8)],
        tuning={"pybuda": {"rules": rules}},
    )


@benchmark_model
def unpicklable(training: bool):
    """A stage for the host that no other process can be sent."""
    import torch

    class Local(torch.nn.Module):
        def forward(self, tensor):
            return tensor

    return [Local(), torch.nn.Linear(8, 3), None], [torch.rand(4, 8)]
