"""The one door for models: objects, files and endpoints."""
