"""Work done in other threads, ahead of the one that needs the results, which come in order.

NumPy, compiled loops, digests and reads let other threads run while they work.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def ahead(
    work: Callable[[_Task], _Result], tasks: Iterable[_Task], depth: int = 2, workers: int = 1
) -> Generator[_Result, None, None]:
    """Yield work(task) for each task, in order, done in other threads, which are `depth` results ahead. They work in a
    copy of the context of who asks for results: with the workers and the loops of its run.

    What `work` raises is raised here, in its turn. However the iteration ends, by its end, by an error or by being
    left, the threads have ended too; at most the tasks that were under way are waited for.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="ahead")
    results: deque[Future[_Result]] = deque()
    try:
        for task in tasks:
            results.append(pool.submit(copy_context().run, work, task))
            if len(results) > depth:
                yield results.popleft().result()
        while results:
            yield results.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
