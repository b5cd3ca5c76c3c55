"""Named protocols: data, count, feature network and formula."""
