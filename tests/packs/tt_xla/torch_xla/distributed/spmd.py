"""A stand-in for torch_xla.distributed.spmd."""

import tt_xla_standin as _standin

from torch_xla import runtime as _runtime


class Mesh:
    def __init__(self, device_ids, mesh_shape, axis_names=None):
        if list(device_ids) != list(range(_standin.chip_count())):
            raise _standin.StandInError("a mesh has every chip")
        self.device_ids, self.mesh_shape, self.axis_names = device_ids, mesh_shape, axis_names
        _standin.note("torch_xla.distributed.spmd.Mesh", list(mesh_shape))


def mark_sharding(t, mesh, partition_spec):
    if not _runtime._state["spmd"]:
        raise _standin.StandInError("use_spmd() comes first")
    if len(partition_spec) != t.dim():
        raise _standin.StandInError("a partition has one entry for each dimension")
    for size, axis in zip(t.shape, partition_spec, strict=True):
        if axis is not None and size % mesh.mesh_shape[mesh.axis_names.index(axis)]:
            raise _standin.StandInError("a dimension cannot be divided among the chips")
    _standin.note("torch_xla.distributed.spmd.mark_sharding", list(partition_spec))
