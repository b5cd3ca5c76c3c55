"""The command line, but a run is evaluated five times: what processes under torchrun carry out."""

import sys

from aegean.cli import main
from aegean.session.options import TrainingOptions

TrainingOptions.__init__.__kwdefaults__["evaluations"] = 5
sys.exit(main())
