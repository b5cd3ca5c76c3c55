"""Networks: pure functions of their inputs that know no losses. Each is imported when it is first asked for."""

from aegean.lazy import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "columns": ("ColumnsDecoder", "HiddenColumns"),
        "conv": ("ConvDecoder", "ConvEncoder"),
        "corruption": ("GaussianCorruption",),
        "counts": ("CountModel",),
        "damage": ("Damage",),
        "diffusers": ("DiffusersDecoder", "DiffusersEncoder"),
        "discriminator": ("Discriminator", "DiscriminatorOutput"),
        "hearing": ("SoundDiscriminator",),
        "integer": ("IntegerPredictor",),
        "ladder": ("ConvLadder", "DenseLadder"),
        "marked": ("MarkedDecoder",),
        "mlp": ("MLPDecoder", "MLPEncoder"),
        "placing": ("Placing",),
        "principal": ("PrincipalDecoder", "PrincipalEncoder"),
        "restorer": ("MaskToken", "Residuals", "SmoothFill", "UDecoder", "Window"),
        "scales": ("ScaleDiscriminator",),
        "shared": ("SharedDiscriminator",),
        "sound": ("LogMel", "Loudness", "SoundDecoder", "SoundEncoder"),
        "text": ("Blanks", "TextDecoder", "TextEncoder"),
        "tower": ("NoiseReaders", "Several", "Stack", "Tower"),
        "transform": ("Analysis", "Synthesis"),
        "voice": ("Voice",),
    },
)
