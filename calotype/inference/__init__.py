"""The inference service: faces, embeddings, text. It knows no photo, no account and no database."""
