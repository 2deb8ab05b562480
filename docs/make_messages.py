"""Gathers the strings of pages and reports for translators: ``messages.pot`` and the catalogues.

``python docs/make_messages.py`` after a string was changed; what was translated stays, what is no
longer said goes. English is the language of the strings themselves, so its catalogue stays empty.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir, extract_from_file
from babel.messages.pofile import read_po, write_po

from validator.pages.words import DRAFTED

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "validator" / "pages"
LOCALE = PAGES / "locale"
TEMPLATE = LOCALE / "messages.pot"
BELOW = ROOT / "validator" / "planning" / "fixes.py"
"""What the API says and pages translate."""
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
KEYWORDS = {**DEFAULT_KEYWORDS, "say": None, "marked": None, "count_of": (1, 2)}


def gathered() -> Catalog:
    """Every string there is, with where it is said."""
    catalog = Catalog(project="Originsight", charset="utf-8")
    for folder in (PAGES, ROOT / "validator" / "reports"):
        for file, _, message, comments, _ in sorted(
            extract_from_dir(str(folder), METHODS, keywords=KEYWORDS),
            key=lambda each: (each[0], each[1]),
        ):
            where = (folder / file).relative_to(ROOT).as_posix()
            catalog.add(message, locations=[(where, 0)], auto_comments=comments)
    where = BELOW.relative_to(ROOT).as_posix()
    for _, message, comments, _ in extract_from_file("python", BELOW, keywords=KEYWORDS):
        catalog.add(message, locations=[(where, 0)], auto_comments=comments)
    return catalog


def text_of(catalog: Catalog) -> bytes:
    """As a file: without line numbers and times, which change when nothing else does."""
    out = io.BytesIO()
    write_po(out, catalog, omit_header=True, include_lineno=False, sort_output=True, width=100)
    note = _DRAFTED if str(catalog.locale) in DRAFTED else ""
    return (
        note.encode()
        + _HEADER.format(language=catalog.locale or "en", plurals=catalog.plural_forms).encode()
        + out.getvalue()
    )


_DRAFTED = "# machine-drafted, to be reviewed by a native speaker\n"
_HEADER = (
    'msgid ""\nmsgstr ""\n"Project-Id-Version: Originsight\\n"\n"Language: {language}\\n"\n'
    '"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    '"Content-Transfer-Encoding: 8bit\\n"\n"Plural-Forms: {plurals}\\n"\n\n'
)


def main() -> None:
    """Write them all."""
    template = gathered()
    TEMPLATE.write_bytes(text_of(template))
    for file in sorted(LOCALE.glob("*/LC_MESSAGES/messages.po")):
        language = file.parts[-3]
        with file.open("rb") as opened:
            catalog = read_po(opened, locale=language)
        catalog.update(template, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        file.write_bytes(text_of(catalog))
    sys.stdout.write(f"{len(template)} strings\n")


if __name__ == "__main__":
    main()
