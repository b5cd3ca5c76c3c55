"""Data: from files of many formats to memory-mapped arrays, and what models must know about them."""

from aegean.data.info import DataInfo
from aegean.data.io.inputs import read_inputs, write_samples
from aegean.data.sets.dataset import DataOptions, Dataset
from aegean.data.sets.opening import open_data

__all__ = ["DataInfo", "DataOptions", "Dataset", "open_data", "read_inputs", "write_samples"]
