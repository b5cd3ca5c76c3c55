"""People's files in and out of a trained model: inputs, pictures in their own sizes, samples, sheets of samples."""
