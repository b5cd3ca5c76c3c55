"""Where models go and come from beyond this house; each module needs its own extra."""
