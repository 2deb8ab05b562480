"""Compiles ``collectors._rtrlib``: RTRlib 0.8 (Debian's librtr) for Python, through cffi.

``python -m collectors._rtrlib_build`` builds the module in place. Without librtr's headers or cffi
it builds nothing, says what is missing, and ends well: RTR is optional. With them, a failure to
compile is an error. The C is in ``rtrlib_shim.c``; it calls no Python, so the module needs only the
stable ABI (``abi3``) and one build serves every Python from 3.11 on.

PyPI's ``rtrlib`` is not used: version 0.1 does not compile against librtr 0.8, and it takes the
interpreter lock for each VRP.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILT = HERE / "_rtrlib.abi3.so"
SHIM = HERE / "rtrlib_shim.c"
SOURCES = (SHIM, HERE / "rtrlib_cache.h", HERE / "rtrlib_door.h", Path(__file__))
CURE = (
    "`apt install librtr-dev pkg-config gcc`, `pip install 'originsight[rtr]'`, "
    "then `python -m collectors._rtrlib_build`"
)

DECLARATIONS = """
struct entry { uint8_t key[23]; uint8_t kind; uint64_t at; };
struct cache_options {
    const char *host, *port;
    const char *user, *private_key, *known_hosts;
    uint32_t refresh, retry, expire, silence, connect;
    uint64_t most_bytes;
    int event_fd;
};
struct cache;
struct cache *cache_start(const struct cache_options *options);
void cache_stop(struct cache *cache);
struct entry *cache_take(struct cache *cache, size_t *count);
void entries_free(void *entries);
bool cache_look(struct cache *cache, uint64_t *received, int64_t *rejected, char *reason);
"""


def missing() -> str:
    """What is missing to build the module; empty if nothing is."""
    try:
        import cffi  # noqa: F401, PLC0415 - optional
    except ImportError:
        return "the Python package cffi"
    pkg_config = shutil.which("pkg-config")
    if pkg_config is None:
        return "pkg-config"
    asked = subprocess.run(  # noqa: S603 - a fixed command
        [pkg_config, "--modversion", "rtrlib"], capture_output=True, text=True, check=False
    )
    version = asked.stdout.strip()
    if asked.returncode:
        return "RTRlib's headers (librtr-dev)"
    return "" if version.startswith("0.8.") else f"RTRlib 0.8 (found {version})"


def build() -> Path:
    """Compile the module next to this file.

    Raises:
        Exception: the compiler's; nothing is left behind.
    """
    from cffi import FFI  # noqa: PLC0415 - optional

    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    ffi.set_source(
        "_rtrlib",
        SHIM.read_text(),
        libraries=["rtr"],
        include_dirs=[str(HERE)],
        extra_compile_args=["-O2", "-Wall", "-Wextra", "-Wno-unused-parameter"],
    )
    with tempfile.TemporaryDirectory(prefix="originsight-") as folder:
        made = Path(ffi.compile(tmpdir=folder, target=BUILT.name))
        fresh = BUILT.with_suffix(".new")
        shutil.copy2(made, fresh)
        fresh.replace(BUILT)  # whoever has the old one open keeps it
    return BUILT


def main() -> int:
    lacking = missing()
    if lacking:
        sys.stdout.write(f"RTR is left out, for lack of {lacking}. To have it: {CURE}\n")
        return 0
    newest = max(source.stat().st_mtime for source in SOURCES)
    if not BUILT.exists() or BUILT.stat().st_mtime < newest:
        build()
    return 0


if __name__ == "__main__":
    sys.exit(main())
