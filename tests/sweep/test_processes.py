"""What worker processes learn of the process that began them. For how they end, see tests/faults/test_stops.py."""

import subprocess
import sys
from multiprocessing.connection import Connection

from mnistnn.sweep import engines, processes

PRIORITIES = "before = os.nice(0); give_way(); print(os.nice(0) > before or before == 19)"


def test_worker_is_an_orphan_once_its_parent_is_gone():
    assert not processes.is_orphan()  # nobody's worker
    context = processes.Context()
    mine, theirs = context.Pipe()
    worker = context.Process(target=tell, args=(theirs,))
    worker.start()
    assert mine.recv() is False
    worker._popen.finalizer()  # type: ignore[attr-defined] # closes what the end of this process would close
    mine.send("now")
    assert mine.recv() is True
    worker.join()


def tell(answer: Connection) -> None:
    answer.send(processes.is_orphan())
    answer.recv()
    answer.send(processes.is_orphan())


def test_end_of_the_pipe_tells_a_worker_also_where_that_is_an_error():
    class Broken:
        def poll(self, timeout):
            raise BrokenPipeError

    told, tell = processes.Context().Pipe(duplex=False)
    assert not engines._is_told(told)
    tell.close()
    assert engines._is_told(told)
    assert engines._is_told(Broken())  # type: ignore[arg-type]


def test_process_gives_way_to_others():
    worker = subprocess.run(
        [sys.executable, "-c", f"import os; from mnistnn.sweep.processes import give_way; {PRIORITIES}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert worker.stdout.strip() == "True"
