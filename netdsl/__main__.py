"""`python -m netdsl` is `netdsl`; torchrun starts it so."""

import os
import sys

from netdsl.cli.main import main

if __name__ == "__main__":
    code = main()
    if os.environ.get("WORLD_SIZE", "1") != "1":
        # While the interpreter is taken down, a thread of torch.distributed may abort a process whose work is done
        # ("terminate called without an active exception"), and torchrun would take the run for a failure.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
