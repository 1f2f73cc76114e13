"""`python -m ttbench_core` is `ttbench`."""

from ttbench_core.cli import main

raise SystemExit(main())
