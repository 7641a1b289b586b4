"""The end of a process that was forked from one with a large memory."""

import atexit
import os
import sys
import threading
from collections.abc import Callable
from typing import NoReturn


def end_with(work: Callable[[], None]) -> NoReturn:
    """Do some work, then end this process as Python would, but leave its memory as it is.

    To take it apart costs a third of a second, since pages that are shared with the server are
    copied for that.
    """
    code = 0
    try:
        work()
    except SystemExit as end:
        assert end.code is None or isinstance(end.code, int), end.code
        code = end.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
