"""The server of the sorting page. What it can do is handed to it as functions; see `spikesieve.api.sorting_page`."""
