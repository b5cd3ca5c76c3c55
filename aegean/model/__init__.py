"""The model that a user holds: networks with their wiring, verbs, one file. Importing this gives the class."""

from aegean.model.levels import Level
from aegean.model.model import BATCH, Model
from aegean.model.verbs import VERBS, Verb, hint

__all__ = ["BATCH", "VERBS", "Level", "Model", "Verb", "hint"]
