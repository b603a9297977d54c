"""Large images as image data of tiles."""
