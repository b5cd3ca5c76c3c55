"""Run by torchrun: ten steps of a few recipes, in this world of processes; the leading one writes the losses.

torchrun --nproc-per-node 2 tests/training/in_processes.py OUT.json
"""

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from steps import TOGETHER, losses_of_ten_steps

from aegean.training.world import World

world = World.join(torch.device("cpu"))
found = {name: losses_of_ten_steps(name, world=world) for name in TOGETHER}
if world.leads:
    Path(sys.argv[1]).write_text(json.dumps(found))
