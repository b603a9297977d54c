"""Pictures of data, models and training, as figures of matplotlib."""
