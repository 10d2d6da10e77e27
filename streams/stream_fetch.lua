-- Reads the bodies of claimed entries, up to a number of bytes, so that a few
-- huge entries do not kill one worker after the other.
-- Comes after need.lua and drop.lua.
--
-- ARGV  1 group  2 consumer  3 bytes  4… entry IDs
-- Returns {entries, missing IDs, lost IDs}. IDs after the last one returned are
-- for the next call. At least one entry is read.
--   missing  no longer exist, counted by this call
--   lost     are held by another consumer or settled

local group, consumer, budget = ARGV[1], ARGV[2], tonumber(ARGV[3])
local entries, missing, lost, bytes = {}, {}, {}, 0

may_drop()
need({'XPENDING', stream, group}, {'XRANGE', stream, '-', '+'}, {'XACK', stream, group, '0-0'})
for i = 4, #ARGV do
  if bytes >= budget then break end
  local id = ARGV[i]
  local ours = #redis.call('XPENDING', stream, group, id, id, 1, consumer) > 0
  local entry = ours and redis.call('XRANGE', stream, id, id)[1]
  if entry then
    entries[#entries + 1] = entry
    for _, s in ipairs(entry[2]) do bytes = bytes + #s end
  elseif ours then
    redis.call('XACK', stream, group, id)
    missing[#missing + 1] = id
  else
    lost[#lost + 1] = id
  end
end
drop(missing)
return {entries, missing, lost}
