"""`python -m aegean`: the command line."""

import sys

from aegean.cli import main

if __name__ == "__main__":
    sys.exit(main())
