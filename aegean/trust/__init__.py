"""What a person must know before a generative model leaves the house: audit, marks, attacks."""
