"""pythae's own trainer and networks for MNIST against the same networks in a `Trainer`.

Run by overhead.py with the interpreter of an environment that has pythae; prints images a second and ratios as JSON.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from common import FOREVER, Found, alternate, arguments, compared, feed_of, random_images
from torch import Tensor, nn

from aegean.config import net, network
from aegean.latent import Latent
from aegean.latent.bottlenecks import kl_to_normal
from aegean.latent.names import NATS_TO_BITS
from aegean.objectives import Rate, SquaredError
from aegean.training.engine import Engine
from aegean.training.schedule import Phase, Run, Turn
from aegean.training.trainer import Trainer

CPU = torch.device("cpu")


def main() -> None:
    options = arguments("pythae's trainer against ours; run by overhead.py.").parse_args()
    steps, rounds = (2, 1) if options.quick else (6, 5)
    print(json.dumps(measure(steps, rounds)))


def measure(steps: int, rounds: int) -> Found:
    """Images a second of pythae's trainer and of ours, eager and compiled, on pythae's VAE for MNIST."""
    batch = 64
    info, raw = random_images((1, 28, 28), steps * batch, low=0.0)
    turn = Turn("AE", (SquaredError(trains=("E", "G"), weight=0.5), Rate(trains=("E", "G"), weight=1 / NATS_TO_BITS)))
    nets = {"E": net(PythaeEncoder), "bottleneck": net(Posterior), "G": net(PythaeDecoder)}
    run = Run(nets, (Phase("autoencoder", FOREVER, (turn,)),), batch)

    def epoch_of(backend: str) -> Callable[[], None]:
        engine = Engine(backend=backend)
        trainer = Trainer(run, info, feed_of(info, raw, CPU), CPU, engine)

        def epoch() -> None:
            for _ in range(steps):
                trainer.step()

        return epoch

    epochs = {"pythae": pythae_epoch(raw, batch), "eager": epoch_of(""), "compiled": epoch_of("inductor")}
    times = alternate(epochs, CPU, 0.0, rounds, warm=1)
    return compared({name: values for name, values in times.items() if values}, steps * batch)


def pythae_epoch(raw: np.ndarray, batch: int) -> Callable[[], Any]:
    """pythae's `train_step`: its loop over all data, with its loader, callbacks and sums."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    settings = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(), per_device_train_batch_size=batch, learning_rate=2e-4, no_cuda=True
    )
    encoder, decoder = pythae_networks()
    model = VAE(pythae_settings(), encoder=encoder, decoder=decoder)
    data = BaseDataset(torch.from_numpy(raw) / 255, torch.zeros(len(raw)))
    trainer = BaseTrainer(model, data, training_config=settings)
    trainer.prepare_training()
    return lambda: trainer.train_step(1)


def pythae_settings() -> Any:
    from pythae.models import VAEConfig

    return VAEConfig(input_dim=(1, 28, 28), latent_dim=16)


def pythae_networks() -> tuple[Any, Any]:
    from pythae.models.nn.benchmarks.mnist import Decoder_Conv_AE_MNIST, Encoder_Conv_VAE_MNIST

    settings = pythae_settings()
    return Encoder_Conv_VAE_MNIST(settings), Decoder_Conv_AE_MNIST(settings)


@network
class PythaeEncoder(nn.Module):
    """Pictures (B, 1, 28, 28) -> one level (B, 32): the posterior's means and log variances."""

    levels = ((32,),)

    def __init__(self) -> None:
        super().__init__()
        self.body = pythae_networks()[0]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        found = self.body(x)
        return (torch.cat((found.embedding, found.log_covariance), 1),)


@network
class Posterior(nn.Module):
    """A bottleneck without weights of its own: (B, 32) -> a diagonal Gaussian's draw (B, 16)."""

    latent, classes = 16, 0

    def forward(self, h: Tensor, noise: Tensor | None = None, labels: Tensor | None = None) -> Latent:
        mean, log_variance = h.chunk(2, 1)
        z = mean if noise is None else mean + (log_variance / 2).exp() * noise
        return Latent(z, kl_to_normal(mean, log_variance) * NATS_TO_BITS, (mean, log_variance))


@network
class PythaeDecoder(nn.Module):
    """Latents (B, 16) -> pictures (B, 1, 28, 28) in [0, 1]."""

    latent, classes = 16, 0

    def __init__(self) -> None:
        super().__init__()
        self.body = pythae_networks()[1]

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.body(z).reconstruction

    def mean(self, raw: Tensor) -> Tensor:
        return raw


if __name__ == "__main__":
    main()
