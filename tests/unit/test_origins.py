"""Finding a network's routes in the table, with an index and without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.feeds import make_snapshot
from validator.model import NO_ORIGIN
from validator.tables.origins import OriginIndex, RowsByOrigin

ORIGINS = np.array([5, NO_ORIGIN, 0, 5, 4_294_967_295, 0, 5, 7], "i8")


def test_an_index_gives_the_rows_of_an_origin_in_the_order_of_the_table() -> None:
    index = OriginIndex.build(ORIGINS)
    assert index.rows(5).tolist() == [0, 3, 6]
    assert index.rows(0).tolist() == [2, 5]
    assert index.rows(NO_ORIGIN).tolist() == [1]
    assert index.rows(4_294_967_295).tolist() == [4]
    assert index.rows(6).tolist() == []
    assert OriginIndex.build(np.empty(0, "i8")).rows(5).tolist() == []


def test_the_answer_is_the_same_before_and_after_the_index_is_made() -> None:
    routes, finder = make_snapshot().routes, RowsByOrigin(patience=3)
    for _ in range(8):
        assert finder.of(routes, 64496).tolist() == [0, 1, 4]
        assert finder.of(routes, 1).tolist() == []
    assert finder._index is not None


def test_an_index_is_made_only_for_a_table_that_is_asked_about_often() -> None:
    finder = RowsByOrigin(patience=3)
    for _ in range(5):
        routes = make_snapshot().routes
        for _ in range(3):
            assert finder.of(routes, 64497).tolist() == [2]
        assert finder._index is None


def test_an_index_outlives_new_verdicts_and_not_new_routes() -> None:
    finder, routes = RowsByOrigin(patience=0), make_snapshot().routes
    assert finder.of(routes, 64496).tolist() == [0, 1, 4]
    index = finder._index
    assert index is not None
    judged_again = replace(routes, verdict=np.zeros(len(routes), "u1"))
    assert finder.of(judged_again, 64496).tolist() == [0, 1, 4]
    assert finder._index is index
    others = make_snapshot(routes=(("10.0.0.0/8", 1), ("11.0.0.0/8", 64496))).routes
    assert finder.of(others, 64496).tolist() == [1]
    assert finder._index is not index


def test_no_table_is_kept_alive_by_having_been_asked_about() -> None:
    finder, routes = RowsByOrigin(patience=0), make_snapshot().routes
    finder.of(routes, 64496)
    assert finder._column is not None
    assert finder._column() is routes.origin
    del routes
    assert finder._column() is None
