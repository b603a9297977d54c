"""From an image that Pillow has opened to pixels, in little memory."""
