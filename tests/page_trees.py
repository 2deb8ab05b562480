"""A page as a tree: what a test walks to find every figure on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_ISOLATES = dict.fromkeys((0x2066, 0x2067, 0x2068, 0x2069))
_EMPTY = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)


@dataclass(eq=False)
class Node:
    """An element, or a text (without a tag). ``seen``: a test has held it against something."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    parent: Node | None = None
    words: str = ""
    seen: bool = False

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")

    @property
    def classes(self) -> list[str]:
        return self.get("class").split()

    @property
    def text(self) -> str:
        """All its words, on one line, without the signs that isolate names."""
        words = "".join(each.words for each in self.below())
        return " ".join(words.translate(_ISOLATES).split())

    def below(self) -> Iterator[Node]:
        """Itself and everything in it, in order."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.children)

    def all(self, tag: str = "", within: str = "", **attributes: str | None) -> list[Node]:
        """The elements in it of a tag, of a class (``within``), with some attributes: of any value
        if that is None."""
        return [
            each
            for each in self.below()
            if each.tag
            and (not tag or each.tag == tag)
            and (not within or within in each.classes)
            and all(
                name.replace("_", "-") in each.attributes
                and (value is None or each.get(name.replace("_", "-")) == value)
                for name, value in attributes.items()
            )
        ]

    def around(self, tag: str) -> Node | None:
        """The nearest element of a tag that it is in."""
        at = self.parent
        while at is not None and at.tag != tag:
            at = at.parent
        return at


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node("root")
        self._at = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        node = Node(tag, given, parent=self._at)
        self._at.children.append(node)
        if tag not in _EMPTY:
            self._at = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        at: Node | None = self._at
        while at is not None and at.tag != tag:
            at = at.parent
        if at is not None and at.parent is not None:
            self._at = at.parent

    def handle_data(self, data: str) -> None:
        self._at.children.append(Node("", parent=self._at, words=data))


def tree(text: str) -> Node:
    """A document as a tree."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.root
