"""`mnistnn`, ended at the first update of a training: it prints the time of that on the clock that processes share.

`python -m benchmarks.first_update train …`. The folder of the run is left as it is then.
"""

import os
import time
from typing import Any, NoReturn

from mnistnn.__main__ import main
from mnistnn.runner.checkpointing import RunCheckpointing


def _end(*_: Any) -> NoReturn:
    print(time.monotonic(), flush=True)  # noqa: T201
    os._exit(0)


if __name__ == "__main__":
    RunCheckpointing.after_update = _end  # type: ignore[method-assign]
    main()
