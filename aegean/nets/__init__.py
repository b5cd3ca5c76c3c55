"""Networks: pure functions of their inputs that know no losses. Each is imported when it is first asked for."""

from aegean.lazy import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "conv": ("ConvDecoder", "ConvEncoder"),
        "corruption": ("GaussianCorruption",),
        "counts": ("CountModel",),
        "diffusers": ("DiffusersDecoder", "DiffusersEncoder"),
        "discriminator": ("Discriminator", "DiscriminatorOutput"),
        "integer": ("IntegerPredictor",),
        "ladder": ("ConvLadder", "DenseLadder"),
        "mlp": ("MLPDecoder", "MLPEncoder"),
        "scales": ("ScaleDiscriminator",),
        "shared": ("SharedDiscriminator",),
        "tower": ("NoiseReaders", "Several", "Stack", "Tower"),
        "transform": ("Analysis", "Synthesis"),
    },
)
