-- Files that nothing points to any more.

-- assets -------------------------------------------------------------------------------------------------------------
-- Written with the change that leaves them behind, and gone when they are: whatever a queue loses is found here again.
CREATE TABLE leftover (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    keys       text[] NOT NULL DEFAULT '{}',  -- in the photo storage; one that a row points to again stays
    made       text[] NOT NULL DEFAULT '{}',  -- paths below the data folder
    person_id  uuid UNIQUE,                   -- everything of somebody who was erased
    since      timestamptz NOT NULL DEFAULT clock_timestamp()
);
