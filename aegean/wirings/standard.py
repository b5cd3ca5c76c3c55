"""The standard wiring: an autoencoder, a generator and a discriminator over one latent.

    x -> E -> bottleneck -> z -> G -> x^      reconstruction
    noise -> prior -> z -> G -> x~            generation
    x~ -> E -> z^                             latent reconstruction
    {x, x~, x^} -> D                          discrimination
    {z of the prior, z of the data} -> Dz     discrimination of latents
    D's features -> R -> x                    reading

Names of networks: E encoder, bottleneck, G decoder or generator, prior, D and Dz discriminators, R reader, kept an
earlier G, symbols and pixels those that choose tables for an entropy coder.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from aegean.latent import FiniteScalar, Latent
from aegean.nets import DiscriminatorOutput
from aegean.nets.integer import Coding
from aegean.objectives.term import named
from aegean.paths import Paths, path, wiring


@wiring("standard")
class Standard(Paths):
    """One latent, decoded in one go.

    `judged`: of judgements that may be made in one go, the samples and the network that judges.
    """

    judged: ClassVar[dict[str, tuple[str, str]]] = {
        "real": ("x", "D"),
        "fake": ("x_fake", "D"),
        "recon": ("x_hat", "D"),
        "prior_z": ("z", "Dz"),
        "data_z": ("latent.z", "Dz"),
    }

    # reconstruction

    @path
    def seen(self) -> Tensor:
        """What the encoder sees: the data, corrupted where the run has a corruption."""
        if "corruption" not in self.nets:
            return self.x
        return self.nets["corruption"](self.x, self.draw("corruption", "normal", self.x.shape[1:]))

    @path
    def features(self) -> tuple[Tensor, ...]:
        """The encoder's levels, nearest the data first."""
        return self.nets["E"](self.seen)

    @path
    def latent(self) -> Latent:
        """The data's latent: drawn from the posterior, its mean without noise."""
        bottleneck = self.nets["bottleneck"]
        draws = getattr(bottleneck, "draws", ("normal", (bottleneck.latent,)))
        noise = self.noise("posterior", *draws) if self.noise and draws else None
        return bottleneck(self.features[-1], noise, self.labels)

    @path
    def latents(self) -> tuple[Latent, ...]:
        """The latent of each level that has one, nearest the data first: a flat model's one."""
        return (self.latent,)

    @path
    def raw_hat(self) -> Tensor:
        """The decoder's own output for the data's latent (B, *shape): logits where it gives logits."""
        return self.nets["G"](self.latent.z, self.labels)

    @path
    def x_hat(self) -> Tensor:
        """The reconstruction (B, *shape) in model range."""
        return self.nets["G"].mean(self.raw_hat)

    @path
    def column_bits(self) -> Tensor:
        """What each column of the data costs, given their latent (B, columns)."""
        return self.nets["G"].bits(self.raw_hat, self.x)

    @path
    def raw_decoded(self) -> Tensor:
        """The decoder's own output where the batch holds latents (B, latent) in the place of data: (B, *shape)."""
        return self.nets["G"](self.x, self.labels)

    @path
    def x_decoded(self) -> Tensor:
        """What it stands for (B, *shape), in model range."""
        return self.nets["G"].mean(self.raw_decoded)

    @path
    def log_variance(self) -> Tensor:
        """Of a Gaussian likelihood: one number ()."""
        return self.nets["G"].log_variance()

    # coding

    @path
    def symbols(self) -> Coding:
        """What the latent's symbols cost under the tables that their network chooses, which rounds them itself."""
        finite = isinstance(self.nets["bottleneck"], FiniteScalar)
        return self.nets["symbols"](self.latent.stats[0] if finite else self.latent.symbols)

    @path
    def pixels(self) -> Coding:
        """What the data cost, every value exactly."""
        return self.nets["pixels"](self.x)

    # generation

    @path
    def z(self) -> Tensor:
        """A latent from the prior (B, latent)."""
        prior = self.nets["prior"]
        normal = self.draw("prior normal", "normal", (prior.latent,))
        return prior(normal, self.draw("prior uniform", "uniform", (1,)), self.labels)

    @path
    def raw_fake(self) -> Tensor:
        """The generator's own output for a latent from the prior (B, *shape)."""
        return self.nets["G"](self.z, self.labels)

    @path
    def x_fake(self) -> Tensor:
        """A generated sample (B, *shape) in model range: the likelihood's mean, or of mixed columns a draw from it."""
        G = self.nets["G"]
        if not hasattr(G, "draw"):
            return G.mean(self.raw_fake)
        return G.draw(self.raw_fake, self.draw("columns", "uniform", (G.uniforms,)))

    @path
    def z_hat(self) -> Tensor:
        """What the encoder finds in a generated sample: the posterior's mean (B, latent)."""
        return self.nets["bottleneck"](self.nets["E"](self.x_fake)[-1], None, self.labels).z

    @path
    def x_kept(self) -> Tensor:
        """What a kept copy of the generator draws from the same latent (B, *shape)."""
        return self.nets["kept"].mean(self.nets["kept"](self.z, self.labels))

    @path
    def x_mixed(self) -> Tensor:
        """A random point on the line from each fake to its real partner."""
        u = self.draw("mix", "uniform", (1,) * (self.x.dim() - 1))
        return u * self.x + (1 - u) * self.x_fake

    # discrimination

    @path
    def real(self) -> DiscriminatorOutput:
        return self._judged("real")

    @path
    def fake(self) -> DiscriminatorOutput:
        return self._judged("fake")

    @path
    def recon(self) -> DiscriminatorOutput:
        return self._judged("recon")

    @path
    def mixed(self) -> DiscriminatorOutput:
        return self.discriminate("mixed", self.x_mixed)

    @path
    def prior_z(self) -> DiscriminatorOutput:
        """Of a latent from the prior."""
        return self._judged("prior_z")

    @path
    def data_z(self) -> DiscriminatorOutput:
        """Of the data's latent."""
        return self._judged("data_z")

    def _judged(self, name: str) -> DiscriminatorOutput:
        """What the discriminator says of a path's samples, and in one go of all others whose gradients are asked for in
        the same way: fewer operations, on more samples each."""
        by = self.judged[name][1]
        alike = [other for other, (_, its) in self.judged.items() if its == by and self.way(other) == self.way(name)]
        names = alike if name in self.gradients else [name]
        self.__dict__.update(self.judge({other: named(self, self.judged[other][0]) for other in names}, by))
        return self.__dict__[name]  # type: ignore[no-any-return]

    @path
    def x_read(self) -> Tensor:
        """What can be read of the data in the discriminator's features: a sample like `real.seen`."""
        return self.nets["R"](self.real.features[-1].flatten(1))
