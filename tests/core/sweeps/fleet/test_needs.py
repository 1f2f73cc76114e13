"""What a cell asks of a machine, and which devices it sees."""

from __future__ import annotations

import pytest

from ttbench_core.request.options import RunOptions
from ttbench_core.sweeps.fleet.needs import (
    ALL,
    ASSIGNED,
    NONE,
    Needs,
    missing_resource,
    needs_of,
)
from ttbench_core.sweeps.fleet.node_cell import cell_variables, without_rays

MACHINE = {"CPU": 64.0, "GPU": 8.0, "TTNPU": 4.0, "chip": 2.0}


@pytest.mark.parametrize(
    ("options", "jobs", "needs"),
    [
        ({"device": "cpu"}, 1, Needs(64, visible=NONE)),
        ({"device": "cpu"}, 8, Needs(64, visible=NONE)),
        ({}, 1, Needs(64, 8, {"TTNPU": 4}, ALL)),
        ({}, 8, Needs(64, 8, {"TTNPU": 4}, ALL)),
        ({"device": "cuda:3"}, 8, Needs(64, 8, {"TTNPU": 4}, ALL)),
        ({"device": "cuda"}, 1, Needs(64, 1, visible=ASSIGNED)),
        ({"device": "cuda"}, 8, Needs(8, 1, visible=ASSIGNED)),
        ({"device": "cuda", "chips": 4}, 8, Needs(8, 4, visible=ASSIGNED)),
        ({"device": "silicon"}, 4, Needs(16, 0, {"TTNPU": 1}, ASSIGNED)),
        ({"device": "chip"}, 2, Needs(32, 0, {"chip": 1}, ASSIGNED)),
        ({"device": "undeclared"}, 2, Needs(64, 8, {"TTNPU": 4}, ALL)),
        ({"device": "cuda"}, 64, Needs(1, 1, visible=ASSIGNED)),
    ],
)
def test_a_cell_asks_for_what_it_uses_and_keeps_others_off(options, jobs, needs):
    found = needs_of(RunOptions("bert", **options), MACHINE, jobs)
    assert (found, dict(found.resources)) == (needs, dict(needs.resources))


def test_what_a_machine_lacks_is_said():
    assert missing_resource(Needs(4), {"CPU": 4.0}) is None
    assert missing_resource(Needs(0), {}) == "the machine declares 0 CPU, not 1"
    assert missing_resource(Needs(4, 2), {"CPU": 4.0, "GPU": 1.0}) == (
        "the machine declares 1 GPU, not 2"
    )


def visible(variables):
    return variables["CUDA_VISIBLE_DEVICES"], variables["TT_VISIBLE_DEVICES"]


def test_a_cell_has_the_threads_of_its_machine_and_not_those_of_the_task(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert "OMP_NUM_THREADS" not in cell_variables(NONE, "cpu", {}, ())
    own = {"OMP_NUM_THREADS": "2"}
    assert cell_variables(NONE, "cpu", own, ())["OMP_NUM_THREADS"] == "2"


def test_a_cell_sees_its_devices_alone():
    own = {"CUDA_VISIBLE_DEVICES": "0,1,2,3", "TT_VISIBLE_DEVICES": "0,1,2"}
    assert visible(cell_variables(NONE, "cpu", own, ())) == ("", "")
    assert visible(cell_variables(ASSIGNED, "cuda", own, ["3"])) == ("3", "")
    assert visible(cell_variables(ASSIGNED, "silicon", own, ["0", "1"])) == ("", "0,1")
    assert visible(cell_variables(ASSIGNED, "chip", own, ())) == ("", "")
    assert visible(cell_variables(ALL, "", own, ())) == ("0,1,2,3", "0,1,2")


@pytest.mark.parametrize(
    ("preloaded", "kept"),
    [
        ("/site-packages/ray/core/libjemalloc.so", {}),
        ("/lib/libtcmalloc.so:/x/ray/core/libjemalloc.so", {"LD_PRELOAD": "/lib/libtcmalloc.so"}),
        ("/lib/a.so /lib/b.so", {"LD_PRELOAD": "/lib/a.so:/lib/b.so"}),
    ],
)
def test_a_cell_does_not_compute_with_the_allocator_of_ray(preloaded, kept):
    own = {"HOME": "/root", "LD_PRELOAD": preloaded, "RAY_LD_PRELOAD_ON_WORKERS": "0"}
    assert without_rays(own) == {"HOME": "/root", **kept}
