"""Data sets: packed once, opened again, and fed to training batch by batch."""
