"""How many seconds of the processor until samples are equally good? A VAE beside pythae's, a GAN beside a DCGAN.

    python benchmarks/equal_quality.py [--data MNIST-FOLDER] [--seconds 25] [--arms "vae; pythae dense"] [--quick]

Every arm trains for as many seconds of one core on the same pictures, scikit-learn's digits without a folder. Samples
are looked at on the way: their Fréchet distance from held-out pictures in the features of the house's classifier. What
a pair is compared by is the time that each takes to come as near as the worse of the two ever comes.

`vae`: the recipe with its defaults; pythae's VAE and trainer with its dense networks, which it takes by itself, and for
pictures of 28x28 with its convolutional ones (`pip install pythae==0.1.2`). Latents from N(0, 1), and from a mixture,
fitted in the same way to the latents of each. `gan`: the recipe with its defaults; the loop of PyTorch's DCGAN tutorial
(Radford et al. 2016: batch normalisation, transposed convolutions, the non-saturating loss, Adam 2e-4 and 0.5, 128
images a step). Evaluations and fits do not count as training.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from common import BUDGET, arguments, line, note, results, rounded
from study import CPU, paces, trainer_of
from torch import Tensor, nn

from aegean.data import Dataset, open_data
from aegean.formulas import frechet
from aegean.latent import MixturePrior
from aegean.metrics.features import feature_network
from aegean.recipes import configure
from aegean.training.engine import choose_engine

COUNT = 2_000  # samples that are looked at
SHARES = (1 / 8, 1 / 4, 1 / 2, 1)  # of the seconds, when they are
FITTED = 3_000  # latents that a mixture is fitted to
COMPONENTS = 16  # it has at most

Draw = Callable[[int], Tensor]  # so many samples in [-1, 1]
Course = list[tuple[float, float]]  # seconds and distance


class Arm(NamedTuple):
    """step: trains on one batch. drawn: by prior, a function that draws samples."""

    step: Callable[[], Any]
    drawn: Callable[[], dict[str, Draw]]


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", metavar="FOLDER")
    parser.add_argument("--seconds", type=float, help="of the processor, of each arm (default 25)")
    parser.add_argument("--arms", help="which of them, with semicolons between them (default: all)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seconds = options.seconds or (0.2 if options.quick else 25.0)
    dataset = open_data(options.data or "digits")
    count = min(COUNT if not options.quick else 50, len(dataset.test))
    arms: dict[str, Callable[[], Arm]] = {
        "vae": lambda: ours("vae", dataset, seconds),
        **pythae_arms(dataset),
        "gan": lambda: ours("gan", dataset, seconds),
        "dcgan": lambda: dcgan(dataset),
    }
    if options.arms:
        arms = {name.strip(): arms[name.strip()] for name in options.arms.split(";")}
    budget = max(BUDGET, 3 * len(arms) * seconds)
    with results("equal_quality", CPU, budget, data=dataset.info.name, seconds=seconds, courses={}) as found:
        distance = distance_from(dataset, count)
        line("", "seconds", "steps", "prior", "fd")
        for name, make in arms.items():
            for prior, course in courses(name, make(), seconds, distance, count).items():
                found["courses"][f"{name}, {prior}"] = course
        found["speed"] = speeds(found["courses"])
        for pair, ratio in found["speed"].items():
            line(pair, ratio)


def courses(name: str, arm: Arm, seconds: float, distance: Callable[[Tensor], float], count: int) -> dict[str, Course]:
    """Train an arm and look at its samples; by prior, seconds and distance."""
    found: dict[str, Course] = {}
    spent, steps = 0.0, 0
    for share in SHARES:
        while spent < share * seconds:
            start = time.process_time()
            arm.step()
            spent, steps = spent + time.process_time() - start, steps + 1
        with torch.no_grad():
            for prior, draw in arm.drawn().items():
                torch.manual_seed(1)
                found.setdefault(prior, []).append((rounded(spent), rounded(distance(draw(count)))))  # type: ignore[arg-type]
                line(name, spent, steps, prior, found[prior][-1][1])
    return found


def speeds(courses: dict[str, Course]) -> dict[str, float | None]:
    """Of each pair, the other's seconds through ours to the same distance."""
    found = {}
    for name, course in courses.items():
        other, _, prior = name.partition(", ")
        mine = courses.get(f"{'gan' if other == 'dcgan' else 'vae'}, {prior}", course)
        if mine is not course:
            target = max(min(fd for _, fd in course), min(fd for _, fd in mine))
            found[name] = rounded(first(course, target) / first(mine, target), 3)
    return found


def first(course: Course, target: float) -> float:
    """Seconds at which a course first comes within the target; between two looks along a line in log and log."""
    before = None
    for seconds, fd in course:
        if fd <= target:
            if before is None or fd == before[1]:
                return seconds
            share = np.log(before[1] / target) / np.log(before[1] / fd)
            return float(np.exp(np.log(before[0]) + share * np.log(seconds / before[0])))
        before = seconds, fd
    raise AssertionError("a course that never comes there")


def distance_from(dataset: Dataset, count: int) -> Callable[[Tensor], float]:
    """The Fréchet distance of samples (n, *shape) in [-1, 1], saved with 8 bits, from as many held-out pictures."""
    network = feature_network(dataset)
    info = dataset.info
    reference = frechet.moments(network(info.normalise(dataset.test[:count])))

    def distance(x: Tensor) -> float:
        return frechet.frechet_from_moments(*reference, *frechet.moments(network(info.normalise(info.restore(x)))))

    note(f"floor {distance(info.normalise(dataset.train[:count])):.3g}")
    return distance


def mixture_of(z: Tensor, decode: Callable[[Tensor], Tensor]) -> Draw:
    """Samples whose latents are drawn from a mixture fitted to latents z (n, d)."""
    prior = MixturePrior(z.shape[1], components=COMPONENTS)
    prior.fit(z)
    return lambda n: decode(prior(torch.randn(n, z.shape[1]), torch.rand(n, 1)))


# arms


def ours(recipe: str, dataset: Dataset, seconds: float) -> Arm:
    """A recipe with its defaults, and as many images as take so many seconds."""
    run = configure(recipe, dataset.info, {})
    engine = choose_engine(run, CPU, "auto", "off", 1)
    images = round(seconds / sum(paces(trainer_of(run, dataset, engine=engine))))
    trainer = trainer_of(configure(recipe, dataset.info, {"images": max(images, run.batch)}), dataset, engine=engine)

    def drawn() -> dict[str, Draw]:
        model = trainer.model()
        found: dict[str, Draw] = {"N(0, 1)": lambda n: model.sample(n, seed=1)}
        if "E" in trainer.nets:
            found["mixture"] = mixture_of(trainer.latents(FITTED)[0], model.decode)
        return found

    return Arm(trainer.step, drawn)


def pythae_arms(dataset: Dataset) -> dict[str, Callable[[], Arm]]:
    if importlib.util.find_spec("pythae") is None:
        note("pythae is not installed: it is left out")
        return {}
    from beside_pythae import pythae_networks

    def arm(networks: tuple[Any, Any] | None) -> Arm:
        return pythae(dataset, networks)

    shape = dataset.info.shape
    found = {"pythae dense": lambda: arm(None)}
    return found | ({"pythae conv": lambda: arm(pythae_networks(shape))} if shape == (1, 28, 28) else {})


def pythae(dataset: Dataset, networks: tuple[Any, Any] | None) -> Arm:
    """Its VAE and trainer with their defaults, a step of which is an epoch of one batch. networks: encoder, decoder."""
    from beside_pythae import pythae_trainer

    x = (dataset.info.normalise(dataset.train) + 1) / 2
    trainer = pythae_trainer(x, batch=64, lr=1e-4, networks=networks)
    handler = trainer.callback_handler  # a bar for each batch would cost more than the batch
    handler.callbacks = [callback for callback in handler.callbacks if "ProgressBar" not in type(callback).__name__]
    loader, vae = trainer.train_loader, trainer.model

    def batches() -> Iterator[Any]:
        while True:
            yield from loader

    class Portion:
        """The next batch of the loader, as a loader."""

        dataset, rest = loader.dataset, batches()

        def __len__(self) -> int:
            return 1

        def __iter__(self) -> Iterator[Any]:
            yield next(self.rest)

    trainer.train_loader = Portion()

    def decode(z: Tensor) -> Tensor:
        return torch.cat([vae.decoder(part).reconstruction for part in z.split(500)]).view(-1, *x.shape[1:]) * 2 - 1

    def drawn() -> dict[str, Draw]:
        vae.eval()
        latents = [vae.encoder(part) for part in x[:FITTED].split(500)]
        z = torch.cat([e.embedding + (e.log_covariance / 2).exp() * torch.randn_like(e.embedding) for e in latents])
        return {"N(0, 1)": lambda n: decode(torch.randn(n, z.shape[1])), "mixture": mixture_of(z, decode)}

    return Arm(lambda: trainer.train_step(1), drawn)


def dcgan(dataset: Dataset) -> Arm:
    """As in https://docs.pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html, for any size: halved down to less
    than 8 places a side."""
    channels, side, _ = dataset.info.shape
    halvings = 1
    while side >> halvings >= 8:
        halvings += 1
    widths, last = [64 * 2**i for i in range(halvings)], side >> halvings
    G: list[nn.Module] = [nn.ConvTranspose2d(100, widths[-1], last, bias=False)]
    for wide, narrow in zip(widths[:0:-1], widths[-2::-1]):
        G += [nn.BatchNorm2d(wide), nn.ReLU(True), nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False)]
    G += [
        nn.BatchNorm2d(widths[0]),
        nn.ReLU(True),
        nn.ConvTranspose2d(widths[0], channels, 4, 2, 1, bias=False),
        nn.Tanh(),
    ]
    D: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for narrow, wide in zip(widths, widths[1:]):
        D += [nn.Conv2d(narrow, wide, 4, 2, 1, bias=False), nn.BatchNorm2d(wide), nn.LeakyReLU(0.2, True)]
    generator, discriminator = nn.Sequential(*G), nn.Sequential(*D, nn.Conv2d(widths[-1], 1, last, bias=False))
    for layer in (*generator, *discriminator):
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
        elif not isinstance(layer, (nn.ReLU, nn.LeakyReLU, nn.Tanh)):
            nn.init.normal_(layer.weight, 0.0, 0.02)  # type: ignore[arg-type]
    adam_g, adam_d = (torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (generator, discriminator))
    data = dataset.info.normalise(dataset.train)
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(data), min(128, len(data)), shuffle=True, drop_last=True
    )
    real = (x for epoch in iter(int, 1) for (x,) in loader)

    def loss(x: Tensor, target: float) -> Tensor:
        logits = discriminator(x).flatten()
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))

    def step() -> None:
        generator.train()
        x = next(real)
        fake = generator(torch.randn(len(x), 100, 1, 1))
        adam_d.zero_grad()
        loss(x, 1.0).backward()
        loss(fake.detach(), 0.0).backward()
        adam_d.step()
        adam_g.zero_grad()
        loss(fake, 1.0).backward()
        adam_g.step()

    def drawn() -> dict[str, Draw]:
        generator.eval()
        return {
            "N(0, 1)": lambda n: torch.cat([generator(torch.randn(k, 100, 1, 1)) for k in [200] * -(-n // 200)])[:n]
        }

    return Arm(step, drawn)


if __name__ == "__main__":
    main()
