import sys


def exported_program_to_jax(program, export_raw=False):
    assert export_raw, "arrays of the weights would be made on the device"
    if "torchax.ops.jaten" not in sys.modules:
        raise AssertionError("aten.permute.default")  # as the real one says
    signature = program.graph_signature
    names = [*signature.parameters, *signature.buffers]
    calls = [str(one.target) for one in program.graph.nodes if one.op == "call_function"]
    return names, [program.state_dict[name] for name in names], lambda: calls
