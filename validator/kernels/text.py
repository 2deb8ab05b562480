"""The compiled loop that writes rows of text: numbers as digits, all else copied from a store."""

from __future__ import annotations

from validator.kernels.core import kernel, step
from validator.model import I8, U1

LONGEST_NUMBER = 24
"""Characters of a number: an i8 has at most 19, a fraction 24."""


@step
def copy(out: U1, at: int, text: U1, start: int, stop: int) -> int:
    for byte in range(start, stop):
        out[at] = text[byte]
        at += 1
    return at


@step
def digits(out: U1, at: int, number: int) -> int:
    end = at + 1
    left = number // 10
    while left > 0:
        end += 1
        left //= 10
    left = number
    for place in range(end - 1, at - 1, -1):
        out[place] = 48 + left % 10
        left //= 10
    return end


@kernel("i8 u1 i8 u1 i8 i u1!")
def write_rows(
    cells: I8, texts: U1, text_bounds: I8, frame: U1, frame_bounds: I8, row: int, out: U1
) -> tuple[int, int]:
    """Write rows from ``row`` on until one may not fit; returns the next row and the bytes written.

    ``cells`` has the rows one after the other. A row of text is the pieces of ``frame`` with a cell
    between each two: piece ``k`` is ``frame[frame_bounds[k]:frame_bounds[k + 1]]``. A cell that is
    not negative is that number; ``~k`` stands for text ``k``, cut from ``texts`` likewise.
    """
    columns = len(frame_bounds) - 2
    rows = len(cells) // columns
    at = 0
    while row < rows:
        base = row * columns
        needed = frame_bounds[columns + 1]
        for column in range(columns):
            cell = cells[base + column]
            if cell < 0:
                needed += text_bounds[~cell + 1] - text_bounds[~cell]
            else:
                needed += LONGEST_NUMBER
        if at + needed > len(out):
            break
        for column in range(columns):
            at = copy(out, at, frame, frame_bounds[column], frame_bounds[column + 1])
            cell = cells[base + column]
            if cell < 0:
                at = copy(out, at, texts, text_bounds[~cell], text_bounds[~cell + 1])
            else:
                at = digits(out, at, cell)
        at = copy(out, at, frame, frame_bounds[columns], frame_bounds[columns + 1])
        row += 1
    return row, at
