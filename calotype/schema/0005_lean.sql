-- Lighter writes for a large library.
SELECT 1;
