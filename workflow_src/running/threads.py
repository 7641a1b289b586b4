"""One numerical thread for each step, so that results do not depend on ``--cores``."""

import sys


def use_one_thread() -> None:
    """Let numerical libraries use one thread."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
