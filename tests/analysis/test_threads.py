"""Pieces of a comparison side by side: as many threads as allowed, and the same results."""

from __future__ import annotations

import threading

import pytest

from genspace.analysis import _threads
from genspace.analysis._threads import side_by_side, small_products


@pytest.mark.parametrize(("allowed", "threads"), [("1", 1), ("2", 2), (" 1,4", 1)])
def test_no_more_threads_than_allowed_and_results_in_order(
    allowed: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", allowed)
    monkeypatch.setattr(_threads, "ALONE_S", 0.0)
    seen = set()
    together = threading.Barrier(threads)

    def work(number: int) -> int:
        together.wait(10)
        seen.add(threading.get_ident())
        return number**2

    assert side_by_side(work, range(8)) == [0, 1, 4, 9, 16, 25, 36, 49]
    assert len(seen) == threads
    assert (threading.get_ident() in seen) == (threads == 1)


def test_products_within_keep_to_one_thread() -> None:
    from threadpoolctl import threadpool_info, threadpool_limits

    def most() -> int:
        import scipy.linalg  # noqa: F401 - brings a second library

        return max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")

    with threadpool_limits(limits=2, user_api="blas"):
        assert most() == 2
        with small_products():
            assert most() == 1
        assert most() == 2
