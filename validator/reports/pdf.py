"""A report as PDF/UA-1: tagged, with its language, title, bookmarks and fonts, made by WeasyPrint
in a process of its own.

Laying out pages is slow Python: in a process of its own it holds up nobody, is ended when it takes
too long, and leaves no memory behind. ``python -m validator.reports.pdf`` reads HTML and writes
PDF; it loads nothing from anywhere.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from validator.model import OriginsightError, SettingsError
from validator.reports.tagging import finish

PATIENCE_SECONDS = 30
_MOST_MEMORY = 3 << 30
_MOST_SAID = 300
_NICE = 10


class PdfError(OriginsightError):
    """The PDF could not be made."""


def check() -> None:
    """
    Raises:
        SettingsError: what makes PDF is not installed.
    """
    if importlib.util.find_spec("weasyprint") is None:
        raise SettingsError(
            "PDF needs WeasyPrint, which is not installed here: pip install "
            "'originsight[reports]', or ask for html"
        )


def from_html(html: str, seconds: float = PATIENCE_SECONDS) -> bytes:
    """The document as PDF. Blocks for seconds: call it in a thread.

    Raises:
        SettingsError: WeasyPrint, or a library that it needs, is not installed.
        PdfError: it took too long or too much memory.
    """
    check()
    try:
        done = subprocess.run(
            (sys.executable, "-m", "validator.reports.pdf"),
            input=html.encode(),
            capture_output=True,
            timeout=seconds,
            cwd=Path(__file__).parents[2],
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PdfError(f"the PDF was not ready after {seconds:g} s; ask for html") from None
    if done.returncode == _LIBRARY_MISSING:
        raise SettingsError(
            "PDF needs the libraries of Pango, which are not installed here; on Debian: "
            "apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
        )
    if done.returncode or not done.stdout.startswith(b"%PDF"):
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        why = "".join(c if c.isprintable() else "?" for c in "".join(last))[:_MOST_SAID]
        raise PdfError(f"the PDF could not be made ({why or done.returncode}); ask for html")
    return done.stdout


_LIBRARY_MISSING = 3


def _refuse(url: str, *_: object, **__: object) -> NoReturn:
    raise ValueError(f"a report loads nothing, not {url[:80]}")


def _main() -> int:
    """The worker: HTML in, PDF out."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (2 * PATIENCE_SECONDS, 2 * PATIENCE_SECONDS))
    try:
        import weasyprint  # type: ignore[import-untyped]  # noqa: PLC0415 - here alone
    except OSError:
        return _LIBRARY_MISSING
    for name in ("weasyprint", "fontTools"):
        logging.getLogger(name).setLevel(logging.ERROR)
    html = sys.stdin.buffer.read().decode()
    document = weasyprint.HTML(string=html, base_url=None, url_fetcher=_refuse)
    pdf = document.write_pdf(pdf_variant="pdf/ua-1", finisher=finish)
    sys.stdout.buffer.write(pdf)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
