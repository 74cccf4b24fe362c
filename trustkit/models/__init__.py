"""The one door for models: objects in memory; files, scanned before anything else; endpoints."""
