"""A stand-in for tt_torch: it registers the backend `tt` of torch.compile."""

import tt_xla_standin as _standin
from torch._dynamo import register_backend


@register_backend(name=_standin.CONTRACT["tt_torch"]["torch_compile_backend"])
def _tt_backend(gm, example_inputs, options=None):
    for name, value in (options or {}).items():
        if name not in _standin.CONTRACT["tt_torch"]["torch_compile_options"]:
            raise _standin.StandInError(f"unknown option of torch.compile {name!r}")
        if not isinstance(value, bool):
            raise _standin.StandInError(f"option {name} cannot be {value!r}")
    _standin.fail_if_asked("compile")
    _standin.note("torch.compile", dict(options or {}))

    def run(*args):
        _standin.note("run")
        return gm.forward(*args)

    return run
