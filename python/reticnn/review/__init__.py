"""What is wrong with images: copies, leaks, odd pictures, wrong labels."""

from reticnn.review.review import review_as_lists, review_images

__all__ = ["review_as_lists", "review_images"]
