"""Strangers' files, read within limits, into sources of samples."""
