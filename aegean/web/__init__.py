"""The playground: a page in the browser that plays with trained models (`aegean play`). Only `app`, `panels`, `tabs`
and `server` need the extra `web`."""
