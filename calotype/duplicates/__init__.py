"""Pictures that look alike, and what becomes of them."""
