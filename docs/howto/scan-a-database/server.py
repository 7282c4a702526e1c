"""A throw-away PostgreSQL to follow the page on: prints what to paste, runs until Ctrl-C."""

import sys
import time

from pgmask.server import throw_away

with throw_away() as server:
    print(f"export PGHOST=127.0.0.1 PGPORT={server.port} PGUSER=postgres")
    print(f"export PGPASSWORD='{server.password}' PATH={server.binaries.bin}:$PATH")
    for name, value in server.binaries.environ().items():
        if name == "LD_LIBRARY_PATH":
            print(f"export {name}={value}")
    sys.stdout.flush()
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        pass
