"""The documents that say how figures are computed, as HTML: the same words as in ``docs``.

The Markdown that we write ourselves and nothing more: headings, paragraphs, lists, tables, code,
emphasis, links. Whatever else it holds is shown as text. Headings have anchors, by which pages lead
to them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "texts"
NAMES = ("definitions", "planning", "change")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


class Heading(NamedTuple):
    level: int
    anchor: str
    text: str


class Document(NamedTuple):
    """``html`` is safe as it is."""

    html: str
    headings: tuple[Heading, ...]


@functools.cache
def document() -> Document:
    """All of them, one after the other."""
    headings: list[Heading] = []
    html = [
        html_of((FOLDER / f"{name}.md").read_text(encoding="utf-8"), headings) for name in NAMES
    ]
    return Document("\n".join(html), tuple(headings))


def html_of(markdown: str, headings: list[Heading]) -> str:
    """A document; its headings are added to those there are, one level deeper than it has them."""
    return "\n".join(_blocks(markdown.splitlines(), headings))


def anchor_of(text: str) -> str:
    """The anchor of a heading: its words, joined by hyphens."""
    return "-".join(re.findall(r"[a-z0-9]+", re.sub(r"[`']", "", text.lower())))


def _blocks(lines: list[str], headings: list[Heading]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif line.startswith("```"):
            end = next((n for n in range(at + 1, len(lines)) if lines[n].startswith("```")), None)
            end = len(lines) if end is None else end
            yield _pre(lines[at + 1 : end])
            at = end + 1
        elif line.startswith("    "):
            end = at
            while end < len(lines) and lines[end].startswith("    "):
                end += 1
            yield _pre([each[4:] for each in lines[at:end]])
            at = end
        elif line.startswith("#"):
            yield _heading(line, headings)
            at += 1
        elif line.startswith("|"):
            end = at
            while end < len(lines) and lines[end].startswith("|"):
                end += 1
            yield _table(lines[at:end])
            at = end
        elif re.match(r"(?:-|[0-9]+\.) ", line):
            end = at
            while end < len(lines) and lines[end].strip():
                end += 1
            yield _list(lines[at:end])
            at = end
        else:
            end = at
            while (
                end < len(lines)
                and lines[end].strip()
                and not lines[end].startswith(("#", "|", "```"))
            ):
                end += 1
            yield f"<p>{_inline(' '.join(lines[at:end]))}</p>"
            at = end


def _pre(lines: list[str]) -> str:
    return f'<pre tabindex="0"><code>{escape(chr(10).join(lines))}</code></pre>'


def _heading(line: str, headings: list[Heading]) -> str:
    marks, _, text = line.partition(" ")
    level = min(len(marks) + 1, 6)
    anchor = anchor_of(text)
    taken = {each.anchor for each in headings}
    number = 2
    while anchor in taken:
        anchor = f"{anchor_of(text)}-{number}"
        number += 1
    headings.append(Heading(level, anchor, text.replace("`", "")))
    return f'<h{level} id="{anchor}">{_inline(text)}</h{level}>'


def _table(lines: list[str]) -> str:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    head, body = rows[0], [row for row in rows[1:] if not set("".join(row)) <= set("-: ")]
    first = "".join(
        f'<th scope="col">{_inline(cell)}</th>' if cell else "<td></td>" for cell in head
    )
    rest = "".join(
        "<tr>" + "".join(f"<td>{_inline(c)}</td>" for c in row) + "</tr>" for row in body
    )
    return (
        f'<div class="scroll" tabindex="0"><table class="text"><thead><tr>{first}</tr></thead>'
        f"<tbody>{rest}</tbody></table></div>"
    )


def _list(lines: list[str]) -> str:
    items: list[str] = []
    for line in lines:
        marked = re.match(r"(?:-|[0-9]+\.) (.*)", line)
        if marked:
            items.append(marked[1])
        else:
            items[-1] += f" {line.strip()}"
    kind = "ul" if lines[0].startswith("-") else "ol"
    return f"<{kind}>" + "".join(f"<li>{_inline(each)}</li>" for each in items) + f"</{kind}>"


def _inline(text: str) -> str:
    """Code first: nothing inside it means anything."""
    pieces = re.split(r"(`[^`]+`)", text)
    return "".join(
        f"<code>{escape(each[1:-1])}</code>"
        if each.startswith("`") and len(each) > 2
        else _marked(each)
        for each in pieces
    )


def _marked(text: str) -> str:
    text = escape(text, quote=False)
    text = _LINK.sub(_linked, text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"(?<![*\w])\*([^*\s][^*]*)\*", r"<em>\1</em>", text)


def _linked(found: re.Match[str]) -> str:
    """Only to headings of the documents that are here; elsewhere there is nothing to follow."""
    text, to = found[1], found[2]
    name, _, anchor = to.partition("#")
    if name in ("", *(f"{each}.md" for each in NAMES)):
        titles = {"definitions.md": "definitions", "change.md": "what-moved-a-share",
                  "planning.md": "who-could-raise-coverage-targets-milestones"}  # fmt: skip
        return f'<a href="#{escape(anchor or titles[name])}">{text}</a>'
    return text
