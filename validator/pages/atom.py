"""News as an Atom feed (RFC 4287), written by a real XML writer.

Nothing that comes from strangers is markup, and no character that XML does not have is in it.
Addresses are references relative to where the feed was got, unless it is known under which address
the service is met (``base``): a feed never repeats what a request says of the host.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from validator.feed import VERSION
from validator.formats.replies import generated_time

MEDIA = "application/atom+xml"
NAMESPACE = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 (section 2.2) has no place for."""


@dataclass(frozen=True, slots=True)
class Link:
    """``href`` is a path of ours. ``bytes``: the length of a file."""

    rel: str
    href: str
    media: str
    title: str = ""
    bytes: int | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """``updated`` in Unix seconds."""

    id: str
    title: str
    summary: str
    updated: int
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    """A whole feed. ``updated`` counts if there are no entries."""

    id: str
    title: str
    subtitle: str
    language: str
    updated: int
    links: tuple[Link, ...]
    entries: Sequence[Entry]


def written(channel: Channel, base: str = "") -> bytes:
    """The feed as a document. ``base``: scheme and host of the service, if they are known."""
    root = Element("feed", {"xmlns": NAMESPACE, "xml:lang": channel.language})
    newest = max((each.updated for each in channel.entries), default=channel.updated)
    _text(root, "title", channel.title)
    _text(root, "subtitle", channel.subtitle)
    _text(root, "id", channel.id)
    _text(root, "updated", generated_time(newest))
    _text(SubElement(root, "author"), "name", "Originsight")
    _text(root, "generator", "Originsight").set("version", VERSION)
    for link in channel.links:
        _link(root, link, base)
    for each in channel.entries:
        entry = SubElement(root, "entry")
        _text(entry, "title", each.title)
        _text(entry, "id", each.id)
        _text(entry, "updated", generated_time(each.updated))
        _text(entry, "summary", each.summary).set("type", "text")
        for link in each.links:
            _link(entry, link, base)
    content: bytes = tostring(root, "utf-8", xml_declaration=True)
    return content + b"\n"


def _text(parent: Element, name: str, text: str) -> Element:
    made = SubElement(parent, name)
    made.text = _NOT_XML.sub("", text)
    return made


def _link(parent: Element, its: Link, base: str) -> None:
    given = {"rel": its.rel, "type": its.media, "href": f"{base}{its.href}"}
    if its.title:
        given["title"] = _NOT_XML.sub("", its.title)
    if its.language:
        given["hreflang"] = its.language
    if its.bytes is not None:
        given["length"] = str(its.bytes)
    SubElement(parent, "link", given)
