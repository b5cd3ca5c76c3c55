"""What each metric measures, in one sentence for a newcomer."""

from __future__ import annotations

import re
from typing import NamedTuple


class Metric(NamedTuple):
    name: str
    of: str  # samples, reconstructions or data
    meaning: str


METRICS = {
    "fd": Metric(
        "Fréchet distance",
        "samples",
        "How far the cloud of samples lies from the cloud of held-out data, in the features of a network: quality "
        "and variety in one number.",
    ),
    "kd": Metric(
        "kernel distance",
        "samples",
        "Like the Fréchet distance, without taking the clouds for Gaussian; about 0 for real data, or a little below "
        "by chance.",
    ),
    "precision": Metric("precision", "samples", "The share of samples that look like real ones: quality."),
    "recall": Metric("recall", "samples", "The share of held-out data that lie within the cloud of samples: variety."),
    "density": Metric(
        "density",
        "samples",
        "How densely held-out data surround the samples: quality, less moved by outliers than precision; about 1 for "
        "real data.",
    ),
    "coverage": Metric(
        "coverage",
        "samples",
        "The share of held-out data with a sample close by: variety, less moved by outliers than recall. It falls "
        "when a GAN collapses.",
    ),
    "modes": Metric(
        "modes",
        "samples",
        "How many classes a classifier finds among the samples. Blurry ones count too, for it must answer something.",
    ),
    "modes_confident": Metric(
        "confident modes", "samples", "The same, counting only samples of which the classifier is sure (0.9 or more)."
    ),
    "mode_kl": Metric(
        "mode divergence",
        "samples",
        "How unlike the classes' shares among the samples are to those of the data, in nats; 0 is the same.",
    ),
    "agreement": Metric(
        "class agreement",
        "samples",
        "How often a classifier takes samples for the class that was asked for; its accuracy on held-out data is the "
        "mark. Of models trained with classes.",
    ),
    "memorised": Metric(
        "memorised",
        "samples",
        "The share of samples nearer to a training image than that image is to any other. Held-out data set the mark: "
        "far above it, samples are copies; below it is no merit, for poor samples are near to nothing.",
    ),
    "octave": Metric(
        "top octave",
        "samples",
        "The energy of the finest details, those that halving the sides would lose, over that of held-out data: 1 is "
        "right, less is blur, more is noise. No network takes part.",
    ),
    "swd": Metric(
        "patch distance",
        "samples",
        "How far patches of 7 x 7 pixels lie from those of held-out data, at one level of a pyramid of ever smaller "
        "images (sliced Wasserstein distance): texture. No network takes part.",
    ),
    "shape": Metric(
        "shape",
        "samples",
        "How alike each column is to that of held-out rows, on average: 1 minus the distance of the two distributions "
        "(Kolmogorov and Smirnov's of numbers, the total variation of categories).",
    ),
    "trend": Metric(
        "trend",
        "samples",
        "The same for pairs of columns: whether they belong together as in held-out rows.",
    ),
    "auc": Metric(
        "accuracy when taught by samples",
        "samples",
        "The area under the curve of boosted trees that learn a column from samples and are tested on held-out rows. "
        "Training rows set the mark.",
    ),
    "r2": Metric(
        "accuracy when taught by samples",
        "samples",
        "The share of a column's variance that boosted trees explain in held-out rows, having learnt from samples. "
        "Training rows set the mark.",
    ),
    "alike": Metric(
        "cannot be told apart",
        "samples",
        "The share of samples that boosted trees cannot tell from held-out rows: 1 where they guess, 0 where they "
        "always know. The strictest of all, since it sees every column at once.",
    ),
    "forward": Metric(
        "forward perplexity",
        "samples",
        "How surprising samples are to a language model of n-grams (Kneser-Ney) that has read the training data. Alone "
        "it means little: samples that repeat what is likely score better than real text.",
    ),
    "reverse": Metric(
        "reverse perplexity",
        "samples",
        "How surprising held-out text is to a language model that has read nothing but the samples: quality and "
        "variety in one number. Its mark is that of as many training texts.",
    ),
    "self_bleu": Metric(
        "self-BLEU",
        "samples",
        "How many short runs of words samples share with each other: above real text's, they are too alike.",
    ),
    "verbatim": Metric(
        "verbatim",
        "samples",
        "The share of samples that are a training text, word for word; short sentences repeat in real text, too.",
    ),
    "distinct": Metric("distinct", "samples", "The share of samples that are different texts."),
    "lengths": Metric(
        "length distance",
        "samples",
        "How unlike the lengths of samples are to those of held-out text: 0 is the same histogram, 1 shares no length.",
    ),
    "words": Metric(
        "words restored",
        "reconstructions",
        "The share of words (of a script without spaces: of characters) that stand in the same place again.",
    ),
    "exact": Metric("exact", "reconstructions", "The share of texts that come back without any change."),
    "rfd": Metric(
        "Fréchet distance",
        "reconstructions",
        "How far reconstructions lie from their originals as a cloud: large for blur, even where the squared error "
        "is small.",
    ),
    "psnr": Metric(
        "PSNR",
        "reconstructions",
        "Exactness in decibels, pixel by pixel: 6 dB more is half the root mean squared error.",
    ),
    "hole_psnr": Metric("PSNR in holes", "reconstructions", "Exactness in decibels of what was filled in alone."),
    "clean_psnr": Metric(
        "PSNR of clean ones",
        "reconstructions",
        "How little a restorer changes pictures that nothing was done to, in decibels.",
    ),
    "ssim": Metric("SSIM", "reconstructions", "Structural similarity to the original: 1 is the same picture."),
    "label": Metric(
        "label kept",
        "reconstructions",
        "The share of translations that a classifier of the other side takes for the class of their originals.",
    ),
    "mse": Metric(
        "squared error", "reconstructions", "The mean squared difference from the original, in the model's range."
    ),
    "mel": Metric(
        "mel distance",
        "reconstructions",
        "How far the log spectra lie from those of the original, at five resolutions, in bands as wide as the ear's: "
        "0.1 is 2 dB. It forgives what is not heard, and punishes holes in the spectrum.",
    ),
    "si_sdr": Metric(
        "SI-SDR",
        "reconstructions",
        "The original's energy over that of the error in decibels, whatever the loudness: exactness of the waveform, "
        "which is not how it sounds.",
    ),
    "lsd": Metric(
        "log-spectral distance",
        "reconstructions",
        "The root mean square difference of the spectra in decibels, over frequencies, then its mean over time.",
    ),
    "bits": Metric(
        "evidence bound",
        "likelihood",
        "How probable the model finds held-out data: a lower bound of log2 p, in bits a sample. Comparable between "
        "models of the same likelihood only.",
    ),
    "probe": Metric(
        "linear probe",
        "features",
        "How often a linear map finds the class of held-out data in what the encoder says on a level: its features, or "
        "its latents. The floor is the same map on the raw values.",
    ),
    "mig": Metric(
        "mutual information gap",
        "latents",
        "How much more one latent dimension says of a factor of the data than any other does: 1 where each factor "
        "has a dimension of its own. The floor is the same encoder untrained.",
    ),
    "factorvae": Metric(
        "FactorVAE score",
        "latents",
        "How often the latent dimension that varies least while one factor is held tells which factor that is. The "
        "floor is the same encoder untrained.",
    ),
}

DECODERS = {"sharp": "sharpened", "exact": "exact decoder"}  # what stands before a metric of one of two decoders


def metric_of(key: str) -> Metric:
    """The metric of a full key such as "fd@digits-classifier:10k"."""
    name, _, where = key.partition("@")
    where = where.partition(":")[0]
    decoder, _, plain = name.partition("_")
    if decoder in DECODERS and plain in METRICS:
        found = METRICS[plain]
        return found._replace(name=f"{found.name}, {DECODERS[decoder]}")
    found = METRICS.get(name, Metric(name, "other", ""))
    if name == "swd":
        return found._replace(name=f"{found.name} at {where}")
    if name != "probe":
        return found
    level = re.sub(r"(\d+)$", r" \1", where)  # "level1" -> "level 1"
    return found._replace(name=f"{found.name} of {level}")
