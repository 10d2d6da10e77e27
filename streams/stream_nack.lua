-- Gives entries back so that another worker takes them at once: their idle
-- time is set to the claim threshold, and their delivery count to what it was
-- before this delivery, since an orderly hand-back is no failed one. Nor is it
-- a death of a suspect's lone attempt, which is uncounted.
-- Comes after need.lua and drop.lua.
--
-- ARGV  1 group  2 consumer  3 idle ms
--       4… for each entry: ID, delivery count to restore, lone attempts to
--       restore (-1: leave them)
-- Returns the IDs that no longer exist, counted now; what is not this
-- consumer's any more stays as it is.
--
-- XCLAIM comes first: at maxmemory Redis checks a script's first write only.

local group, consumer, idle = ARGV[1], ARGV[2], ARGV[3]
local missing = {}

may_drop()
need({'XPENDING', stream, group}, {'XCLAIM', stream, group, consumer, 0, '0-0'}, {'XACK', stream, group, '0-0'}, {'HSET', suspects, '0-0', 1})
for i = 4, #ARGV, 3 do
  local id, deliveries, tries = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  if #redis.call('XPENDING', stream, group, id, id, 1, consumer) > 0 then
    if #redis.call('XCLAIM', stream, group, consumer, 0, id, 'IDLE', idle, 'RETRYCOUNT', deliveries, 'JUSTID') == 0 then
      redis.call('XACK', stream, group, id)
      missing[#missing + 1] = id
    elseif tries == 0 then
      redis.call('HDEL', suspects, id)
    elseif tries > 0 then
      redis.call('HSET', suspects, id, tries)
    end
  end
end
drop(missing)
return missing
