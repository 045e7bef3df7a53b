-- Faces, and whose they are.
SELECT 1;
