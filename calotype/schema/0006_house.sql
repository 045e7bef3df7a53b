-- What keeping the house asks of the schema.
SELECT 1;
