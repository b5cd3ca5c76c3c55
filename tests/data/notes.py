"""What the library says while a test calls it."""

from aegean.surface import noted


def heard(said, function, *args, **options):
    """function(*args, **options); what it says is added to the list `said`."""
    with noted() as notes:
        result = function(*args, **options)
    said += notes
    return result
