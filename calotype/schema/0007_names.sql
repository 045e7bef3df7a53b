-- Names of people on their way into the XMP beside the photos.

-- media --------------------------------------------------------------------------------------------------------------
-- Photos beside which other names may be written than are known here. The row goes when they are the same, so that what a
-- queue loses is found again; `version` tells whether a name changed while one was written.
CREATE TABLE names_unwritten (
    asset_id   uuid PRIMARY KEY REFERENCES asset ON DELETE CASCADE,
    version    uuid NOT NULL DEFAULT next_version(),
    since      timestamptz NOT NULL DEFAULT clock_timestamp(),
    queued_at  timestamptz  -- a job for it was queued; what changes until it runs is written by that one
);
CREATE INDEX names_unqueued ON names_unwritten (asset_id) WHERE queued_at IS NULL;

-- people -------------------------------------------------------------------------------------------------------------
-- People whose name changed, and up to which of their photos that is in `names_unwritten`: somebody may be on a hundred
-- thousand, which is too many for the request that renames them.
CREATE TABLE person_renamed (
    person_id  uuid PRIMARY KEY REFERENCES person ON DELETE CASCADE,
    after      uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    since      timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Nothing was written before.
INSERT INTO person_renamed (person_id) SELECT id FROM person WHERE name <> '';
