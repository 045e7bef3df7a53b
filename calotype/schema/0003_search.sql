-- Embeddings, and text that was read in pictures.
SELECT 1;
