"""The model that a user holds: networks with their wiring, verbs, one file."""

from aegean.lazy import exports

__getattr__, __all__ = exports(
    __name__,
    {"levels": ("Level",), "model": ("BATCH", "Model"), "verbs": ("VERBS", "Verb", "able", "hint")},
)
