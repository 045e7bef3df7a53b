-- Changes of thousands of photos at once.

-- timeline -----------------------------------------------------------------------------------------------------------
-- A session keeps the plan that a trigger made for its first statement. Made for one photo, a join of what was with what is
-- compares each with each: 4,000 favourites took 15 s. A row that was and is the same is there twice, which takes no join.
CREATE OR REPLACE FUNCTION count_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH seen AS (
        -- Only what a bucket shows; the bookkeeping of the pipeline must not empty the cache.
        SELECT owner_id, visibility, status, is_favorite, is_stacked_away, local_taken, created_at, min(assets) AS assets
          FROM (SELECT -1 AS assets, id, owner_id, visibility, status, is_favorite, is_stacked_away, local_taken, created_at,
                       taken_at, type, width, height, thumbhash, live_video_id, duration_ms, projection_type, city, country,
                       latitude, longitude, stack_id
                  FROM gone
                 UNION ALL
                SELECT 1, id, owner_id, visibility, status, is_favorite, is_stacked_away, local_taken, created_at,
                       taken_at, type, width, height, thumbhash, live_video_id, duration_ms, projection_type, city, country,
                       latitude, longitude, stack_id
                  FROM fresh) AS every
         GROUP BY id, owner_id, visibility, status, is_favorite, is_stacked_away, local_taken, created_at,
                  taken_at, type, width, height, thumbhash, live_video_id, duration_ms, projection_type, city, country,
                  latitude, longitude, stack_id
        HAVING count(*) = 1)
    INSERT INTO timeline_change (owner_id, axis, month, visibility, status, is_favorite, is_stacked_away, assets, changes)
    SELECT owner_id, 't', date_trunc('month', local_taken)::date, visibility, status, is_favorite, is_stacked_away, sum(assets), 1
      FROM seen GROUP BY 1, 3, 4, 5, 6, 7
    UNION ALL
    SELECT owner_id, 'c', date_trunc('month', created_at AT TIME ZONE 'UTC')::date, visibility, status, is_favorite,
           is_stacked_away, sum(assets), 1
      FROM seen GROUP BY 1, 3, 4, 5, 6, 7;
    RETURN NULL;
END $$;
