"""The process `mnistnn`, which is also `python -m mnistnn`.

Only the light part of the command line is loaded here, so that `--help` answers at once; each command loads
what it needs when it runs.
"""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process and end it with one of the documented exit codes."""
    try:
        from mnistnn.cli.shell import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before or after `run`, which treats its own
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
