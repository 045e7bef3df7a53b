-- Look-alikes.
SELECT 1;
