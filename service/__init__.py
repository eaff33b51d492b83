"""The running thing: settings, registry, the loop, HTTP API, console, command line."""

import os

# Matrices are small here: threads would spend many times what they save on waiting for each other. numpy looks once,
# when it is first imported, and this comes before.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
