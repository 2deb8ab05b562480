"""Compiled kernels from a folder that is only read: for installations that their user cannot write.

Numba looks for compiled code beside a module only if it may write there too; a service that runs
as its own user, or with a read-only file system, would compile everything again. The container
image therefore names this class in ``NUMBA_CACHE_LOCATOR_CLASSES`` and brings the code along.
"""

from __future__ import annotations

from pathlib import Path

from numba.core.caching import InTreeCacheLocator


class InstalledCacheLocator(InTreeCacheLocator):
    """Finds compiled code beside its module; a module without any is left to the next locator."""

    def ensure_cache_path(self) -> None:
        """Raises OSError, which numba takes as a no, where nothing was compiled at installation."""
        module = Path(self._py_file)
        if not any(module.parent.glob(f"__pycache__/{module.stem}.*.nbi")):
            raise FileNotFoundError(f"{module}: no compiled kernels beside it")
