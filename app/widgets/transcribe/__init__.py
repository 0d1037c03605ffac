"""The page of transcribed recordings."""
