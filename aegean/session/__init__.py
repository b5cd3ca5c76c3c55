"""Training sessions: what is asked of a training, and everything from there to a finished, evaluated run."""
