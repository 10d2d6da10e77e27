-- Reads the bodies of entries that were claimed, up to a number of bytes, so
-- that a few huge entries do not kill every worker in turn.
--
-- KEYS  1 stream  2 ledger
-- ARGV  1 group  2 consumer  3 bytes  4… entry IDs
-- Returns {entries, missing IDs, lost IDs}; the IDs after the last one named
-- are left for the next call. At least one entry is read.

local stream, ledger = KEYS[1], KEYS[2]
local group, consumer, budget = ARGV[1], ARGV[2], tonumber(ARGV[3])
local entries, missing, lost, bytes = {}, {}, {}, 0
for i = 4, #ARGV do
  if bytes >= budget then break end
  local id = ARGV[i]
  local found = redis.call('XRANGE', stream, id, id)
  if #redis.call('XPENDING', stream, group, id, id, 1, consumer) == 0 then
    lost[#lost + 1] = id
  elseif #found == 0 then
    if redis.call('XACK', stream, group, id) == 1 then redis.call('HINCRBY', ledger, 'missing', 1) end
    missing[#missing + 1] = id
  else
    entries[#entries + 1] = found[1]
    for _, s in ipairs(found[1][2]) do bytes = bytes + #s end
  end
end
return {entries, missing, lost}
