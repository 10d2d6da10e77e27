-- Returns entries to the group: sets their idle time, which says when another
-- worker may claim them, and restores the counts of deliveries and of quarantined
-- attempts, since an entry that is returned has not failed.
-- Comes after need.lua and drop.lua.
--
-- ARGV  1 group  2 consumer  3 idle time in ms
--       4… for each entry: ID, delivery count, quarantined attempts (-1: unchanged)
-- Returns the IDs that no longer exist, counted by this call. Entries that this
-- consumer no longer holds stay as they are.
--
-- XCLAIM comes first: at maxmemory Redis checks only the first write of a script.

local group, consumer, idle = ARGV[1], ARGV[2], ARGV[3]
local missing = {}

may_drop()
need({'XPENDING', stream, group}, {'XCLAIM', stream, group, consumer, 0, '0-0'}, {'XACK', stream, group, '0-0'}, {'HSET', attempt_counts, '0-0', 1})
for i = 4, #ARGV, 3 do
  local id, deliveries, attempts = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  if #redis.call('XPENDING', stream, group, id, id, 1, consumer) > 0 then
    if #redis.call('XCLAIM', stream, group, consumer, 0, id, 'IDLE', idle, 'RETRYCOUNT', deliveries, 'JUSTID') == 0 then
      redis.call('XACK', stream, group, id)
      missing[#missing + 1] = id
    elseif attempts == 0 then
      redis.call('HDEL', attempt_counts, id)
    elseif attempts > 0 then
      redis.call('HSET', attempt_counts, id, attempts)
    end
  end
end
drop(missing)
return missing
