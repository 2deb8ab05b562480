"""Work that may wait gives way to the event loop, so that look-ups stay quick while it is done.

Kernels run without the interpreter's lock, so what they can still take from the event loop is its
core. On Linux every thread has a nice value of its own, and threads that it starts inherit it;
where that is not so, nothing is lost but the courtesy.
"""

from __future__ import annotations

import contextlib
import os
import threading

_NICENESS = 5
"""Between two that compute, the event loop then gets three quarters of a core."""


def give_way() -> None:
    """Put the calling thread behind the event loop; in a process of one thread: all of it."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
