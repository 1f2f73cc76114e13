"""The table of results."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# As they were at this revision: what comes later is a revision of its own.
TEXTS = (
    *(
        "run_id",
        "started_at",
        "status",
        "model",
        "config",
        "task",
        "pack",
        "pack_version",
        "backend",
    ),
    *("device", "device_name", "arch", "machine_name", "dataformat", "math_fidelity"),
    *("weights", "scenario", "unit", "interval_over", "verdict", "host_cpu", "host_system"),
    *("python_version", "ttbench_version", "torch_version", "hash", "date", "paired_with"),
    *("error",),
)
TRUTHS = (*("training", "outputs_right"),)
WHOLE_NUMBERS = (
    *("backend_opt_level", "microbatch", "loop_count", "chips", "threads", "layers", "seq_len"),
    *("image_size", "new_tokens", "seed", "total_samples", "replicates", "passes", "processes"),
    *("latency_p50_ns", "latency_p90_ns", "latency_p95_ns", "latency_p99_ns", "latency_max_ns"),
    *("ttft_p50_ns", "ttft_p90_ns", "ttft_p95_ns", "ttft_p99_ns", "ttft_max_ns", "tpot_p50_ns"),
    *("tpot_p90_ns", "tpot_p95_ns", "tpot_p99_ns", "tpot_max_ns", "itl_p50_ns", "itl_p90_ns"),
    *("itl_p95_ns", "itl_p99_ns", "itl_max_ns", "parameters", "flops_per_input"),
    *("host_peak_bytes", "device_peak_bytes", "build_ns", "compile_ns", "first_call_ns"),
    *("warmup_ns", "host_cores", "schema_version"),
)
NUMBERS = (
    *("samples_per_sec", "total_time", "estimate_per_s", "low_per_s", "high_per_s", "half_width"),
    *("latency_mean_ns", "ttft_mean_ns", "tpot_mean_ns", "itl_mean_ns", "prefill_tokens_per_s"),
    *("decode_tokens_per_s", "steady_samples_per_sec", "flops_per_s", "peak_flops_per_s"),
    *("peak_bytes_per_s", "roofline_share", "pcc", "joules_per_sample"),
)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "ttbench_results",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        *(sa.Column(name, sa.Text, unique=name == "run_id" or None) for name in TEXTS),
        *(sa.Column(name, sa.BigInteger) for name in WHOLE_NUMBERS),
        *(sa.Column(name, sa.Double) for name in NUMBERS),
        *(sa.Column(name, sa.Boolean) for name in TRUTHS),
        sa.Column("record", sa.Text, nullable=False),
    )
