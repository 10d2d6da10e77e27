-- Gives the right to archive a partition back.
--
-- KEYS  1 lease
-- ARGV  1 who had it
-- Returns 1 if that was so, else 0.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
