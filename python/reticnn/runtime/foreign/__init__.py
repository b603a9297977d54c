"""Files from strangers, checked before anything acts on what they say.

A file may name classes, give sizes and point elsewhere. Here it is read as data: what
does not stand up to the checks raises a `ValueError` that says what it is, and whoever
reads the file says which file it is.
"""
