"""Parts of a pass over images: what both engines can do, one file for each."""
