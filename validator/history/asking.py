"""Questions to files that may be replaced at any moment: asked again until the answer holds.

A question first settles which file speaks for which day (:meth:`Folder.held`), and then asks those
files alone. If one of them is replaced meanwhile, it asks again; if one turns out to be damaged, it
is left out from then on, and its days are gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from validator.history import engine
from validator.history.compacting import verify
from validator.history.folder import Folder, Held
from validator.model import SourceError

T = TypeVar("T")
_ATTEMPTS = 20


def asked(folders: Sequence[Folder], ask: Callable[[Sequence[Held]], T]) -> T:
    """Ask what is there now; again if it changed meanwhile. ``ask`` is given what each of the
    folders holds.

    Raises:
        SourceError: it changes all the time, which cannot be.
    """
    problem: SourceError | None = None
    for _ in range(_ATTEMPTS):
        held = [folder.held() for folder in folders]
        try:
            with engine.reading(str(folders[0].path)):
                return ask(held)
        except engine.Unreadable as error:
            problem = error
            each = list(zip(folders, held, strict=True))
            gone = any(not f.file(name).exists() for f, its in each for name in its.files)
            if not gone and not any(_find_damage(*one) for one in each):
                break
    assert problem is not None
    raise problem


def _find_damage(folder: Folder, held: Held) -> bool:
    """Read every file through; leave out those that cannot be. Returns whether one was."""
    found = False
    for name in held.files:
        try:
            verify(folder.layout, folder.file(name), held.contents[name])
        except engine.Unreadable as error:
            if folder.file(name).exists():
                folder.call_damaged(name, error.problem)
            found = True
    return found
