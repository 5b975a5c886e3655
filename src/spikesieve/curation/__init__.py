"""Corrections of a sorting by a person or a program: merged, split, labelled and removed units."""
