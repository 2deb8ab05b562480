"""``?at=`` of any operation that answers from a snapshot: that of a past day in its place.

The past snapshot is like the one in force, so a face answers from it with the same code. It was
made then, and says so: ``generated`` and ``generation`` are the day's, and so is what was stale.
"""

from __future__ import annotations

from validator.feed import Feed
from validator.history.moments import Moments
from validator.snapshot import Snapshot
from validator.web.answers import current
from validator.web.contract import Parameter, query
from validator.web.past import DAY, no_history, parse_day, readable

AT: Parameter = query("at", "as of a day in the past (UTC), as it was answered last that day", DAY)
"""For operations that :func:`asked` serves; their refusals are 400, 404 and 503 at least."""


async def asked(moments: Moments | None, feed: Feed, at: str | None) -> Snapshot:
    """The snapshot that an operation answers from: the one in force, or that of a day, ``at``, as
    the query has it.

    Raises:
        Refusal: 400, it is no day; 404, it cannot be rebuilt (names the days that can), or no
            history is kept; 503, the files cannot be read, or no snapshot is in force yet.
    """
    day = parse_day("at", at)
    if day is None:
        return current(feed)
    if moments is None or moments.tables is None:
        raise no_history()
    with readable():
        return await moments.when(day)
