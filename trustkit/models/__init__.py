"""The one door for models: an object or "package.module:object" in; canonical decisions and scores out."""

from trustkit.models.objects import ModelError, Predictions, feature_names, predict, resolve

__all__ = ["ModelError", "Predictions", "feature_names", "predict", "resolve"]
