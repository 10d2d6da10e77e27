-- Removes a consumer from the group if it holds nothing: XGROUP DELCONSUMER
-- drops what a consumer holds for good, so both happen in one script.
--
-- KEYS  1 stream
-- ARGV  1 group  2 consumer
-- Returns 1 if it was removed.

local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if #pending > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
