"""pythae's own trainer and networks, and the same networks in a `Trainer`; overhead.py times them."""

from __future__ import annotations

import importlib
import tempfile
from typing import Any

import torch
from common import FOREVER, Step, feed_of, random_images
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
LATENT = 16


def epochs(shape: tuple[int, ...], batch: int, steps: int, engine: Engine) -> dict[str, Step]:
    """An epoch of so many steps on random data: pythae's `train_step`, which is its loop over all data, with its
    loader, callbacks and sums; and as many steps of a `Trainer` on the same networks."""
    info, raw = random_images(shape, steps * batch, low=0.0)
    turn = Turn("AE", (SquaredError(trains=("E", "G"), weight=0.5), Rate(trains=("E", "G"), weight=1 / NATS_TO_BITS)))
    nets = {"E": net(PythaeEncoder, shape=shape), "bottleneck": net(Posterior), "G": net(PythaeDecoder, shape=shape)}
    run = Run(nets, (Phase("autoencoder", FOREVER, (turn,)),), batch)
    ours = Trainer(run, info, feed_of(info, raw, CPU), CPU, engine)

    def epoch() -> None:
        for _ in range(steps):
            ours.step()

    theirs = pythae_trainer(torch.from_numpy(raw) / 255, batch, 2e-4, pythae_networks(shape))
    return {"pythae": lambda: theirs.train_step(1), "aegean, pythae's": epoch}


def pythae_trainer(x: Tensor, batch: int, lr: float, networks: tuple[Any, Any] | None) -> Any:
    """Its trainer of a VAE on pictures x in [0, 1]. networks: encoder and decoder; None: dense ones, as it takes by
    itself."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    settings = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(), per_device_train_batch_size=batch, learning_rate=lr, no_cuda=True
    )
    encoder, decoder = networks or (None, None)
    model = VAE(pythae_settings(tuple(x.shape[1:])), encoder=encoder, decoder=decoder)
    data = BaseDataset(x, torch.zeros(len(x)))
    trainer = BaseTrainer(model, data, training_config=settings)
    trainer.prepare_training()
    return trainer


def pythae_settings(shape: tuple[int, ...]) -> Any:
    from pythae.models import VAEConfig

    return VAEConfig(input_dim=shape, latent_dim=LATENT)


def pythae_networks(shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Encoder and decoder of its benchmarks, for pictures of the size of MNIST's, CIFAR-10's or CelebA's."""
    name = {28: "mnist", 32: "cifar", 64: "celeba"}[shape[-1]]
    module, settings = importlib.import_module(f"pythae.models.nn.benchmarks.{name}"), pythae_settings(shape)
    names = f"Encoder_Conv_VAE_{name.upper()}", f"Decoder_Conv_AE_{name.upper()}"
    encoder, decoder = (getattr(module, each)(settings) for each in names)
    return encoder, decoder


@network
class PythaeEncoder(nn.Module):
    """Pictures (B, *shape) -> one level (B, 32): the posterior's means and log variances."""

    levels = ((2 * LATENT,),)

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.body = pythae_networks(tuple(shape))[0]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        found = self.body(x)
        return (torch.cat((found.embedding, found.log_covariance), 1),)


@network
class Posterior(nn.Module):
    """A bottleneck without weights of its own: (B, 32) -> a diagonal Gaussian's draw (B, 16)."""

    latent, classes = LATENT, 0

    def forward(self, h: Tensor, noise: Tensor | None = None, labels: Tensor | None = None) -> Latent:
        mean, log_variance = h.chunk(2, 1)
        z = mean if noise is None else mean + (log_variance / 2).exp() * noise
        return Latent(z, kl_to_normal(mean, log_variance) * NATS_TO_BITS, (mean, log_variance))


@network
class PythaeDecoder(nn.Module):
    """Latents (B, 16) -> pictures (B, *shape) in [0, 1]."""

    latent, classes = LATENT, 0

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.body = pythae_networks(tuple(shape))[1]

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.body(z).reconstruction

    def mean(self, raw: Tensor) -> Tensor:
        return raw
