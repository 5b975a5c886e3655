"""How far the tissue moved."""
