"""The documents as HTML, and that every page leads to a heading that there is."""

from __future__ import annotations

import re
from pathlib import Path

from validator.pages.documents import Heading, document, html_of

PAGES = Path(__file__).parents[3] / "validator" / "pages"


def html(markdown: str) -> str:
    return html_of(markdown, [])


def test_what_is_written_is_shown_and_nothing_of_it_runs() -> None:
    made = html("# A <b>\n\n`<script>` *so* **strong** <img src=x onerror=1> [x](javascript:alert)")
    assert '<h2 id="a-b">A &lt;b&gt;</h2>' in made
    assert "<code>&lt;script&gt;</code> <em>so</em> <strong>strong</strong>" in made
    assert "<img" not in made
    assert "javascript" not in made


def test_lists_tables_and_code_are_what_they_look_like() -> None:
    assert html("- a\n  b\n- c") == "<ul><li>a b</li><li>c</li></ul>"
    assert html("1. a\n2. c") == "<ol><li>a</li><li>c</li></ol>"
    table = html("| a | b |\n|---|---|\n| 1 | `2` |")
    assert '<th scope="col">a</th>' in table
    assert "<tr><td>1</td><td><code>2</code></td></tr>" in table
    assert html("```\na < b\n\nc\n```") == '<pre tabindex="0"><code>a &lt; b\n\nc</code></pre>'
    assert html("    x = 1") == '<pre tabindex="0"><code>x = 1</code></pre>'


def test_an_unfinished_block_ends_with_the_document() -> None:
    assert html("```\na") == '<pre tabindex="0"><code>a</code></pre>'


def test_headings_of_one_name_have_anchors_of_their_own() -> None:
    headings: list[Heading] = []
    html_of("# A\n\n# A", headings)
    assert [each.anchor for each in headings] == ["a", "a-2"]


def test_every_link_to_a_definition_leads_to_a_heading() -> None:
    anchors = {each.anchor for each in document().headings}
    inside = set(re.findall(r'<a href="#([^"]*)"', document().html))
    assert inside
    assert inside <= anchors
    said = set()
    for file in [*PAGES.glob("templates/*.html"), *PAGES.glob("*.py")]:
        said |= set(re.findall(r'"((?:[a-z]+-){2,}[a-z]+|holdings|targets)"', file.read_text()))
    linked = {
        "coverage-of-a-group", "three-averages-of-a-class", "the-plan-of-a-group", "holdings",
        "what-moved-a-share", "the-validation-state-of-a-route", "why-a-route-is-invalid",
        "who-a-route-belongs-to", "the-smallest-roa", "never-a-silent-collapse", "targets",
    }  # fmt: skip
    assert linked - {"holdings"} <= said | {"targets"}
    assert linked <= anchors
