"""Image data from folders: what lies in them, and what it means."""
