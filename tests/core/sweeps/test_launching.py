"""Records say what started their sweep."""

from __future__ import annotations

from ttbench_core.sweeps.journal.launching import launch_facts


def test_without_a_scheduler_it_is_local():
    assert launch_facts({"PATH": "/bin"}) == {"by": "local"}


def test_a_task_of_an_array_of_slurm_names_the_array_its_node_and_restarts():
    environ = {
        "SLURM_JOB_ID": "12",
        "SLURM_ARRAY_JOB_ID": "10",
        "SLURM_ARRAY_TASK_ID": "2",
        "SLURMD_NODENAME": "node1",
        "SLURM_RESTART_COUNT": "1",
    }
    assert launch_facts(environ) == {
        "by": "slurm",
        "job": "10",
        "array_task": "2",
        "node": "node1",
        "restarts": "1",
    }


def test_a_job_that_is_no_array_and_was_not_restarted_says_less():
    assert launch_facts({"SLURM_JOB_ID": "12"}) == {"by": "slurm", "job": "12", "restarts": "0"}
