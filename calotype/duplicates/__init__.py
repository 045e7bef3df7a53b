"""Look-alikes: which of them are the same thing, why, and what becomes of them."""
