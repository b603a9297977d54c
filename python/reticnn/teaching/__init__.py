"""What a teacher needs for a class: slides, exercises, solutions, a guide."""

from reticnn.teaching.copying import teaching_kit as teaching_kit
