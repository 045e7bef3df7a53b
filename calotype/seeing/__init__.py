"""What the inference service is asked about each photo, and where its answers go."""
