"""A batch that does not fit into memory: what would is found out and said."""

import re
import subprocess
import sys

import numpy as np
import pytest

import aegean
from aegean.training.folder import Folder

pytestmark = pytest.mark.slow

CODE = """
import re, resource, sys
import aegean, torch._dynamo
from aegean.metrics import networks
from aegean.config import UserError
networks.train_steps = lambda count: 5
used = int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + 2**30,) * 2)
try:
    aegean.train(
        "ae", sys.argv[1], sys.argv[2], images=512, batch=256, evaluations=1, settings={"width": 16, "patch": 1},
        device="cpu", precision="float32",
    )
except UserError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits its own memory")
def test_a_batch_that_does_not_fit_says_what_would_and_goes_on_so(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "noise.npy", rng.integers(0, 255, (600, 3, 48, 48), dtype=np.uint8))
    out = tmp_path / "run"
    words = [sys.executable, "-c", CODE, str(tmp_path / "noise.npy"), str(out)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    said = re.search(r"A batch of 256 does not fit into the memory of this cpu, in (\d+) parts it does", done.stdout)
    assert said, done.stdout + done.stderr[-2000:]
    aegean.resume(out, accumulate=int(said[1]))
    assert Folder(out).clock()["images"] == 512
