"""Many recordings: a plan of rows, what is done of it, and workers that do the rest."""
