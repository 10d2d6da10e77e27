-- Reads entries after an ID for the archive, whatever their size.
-- Comes after inspect.lua.
--
-- KEYS  1 stream
-- ARGV  1 ID  2 maximum number of entries  3 bytes, about
-- Returns {entries, end, added, last}; the last two only if they reach the end:
--   end     1 if they reach the end of the stream, else 0
--   added   entries ever added to the stream; -1 if Redis does not tell
--   last    the last ID ever added to the stream

local stream, from, most, budget = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local MOST_PAGE = 100

local all, bytes, page, at_end = {}, 0, 1, 0
while #all < most and bytes < budget do
  local entries = entries_after(stream, from, page)
  for _, entry in ipairs(entries) do
    all[#all + 1] = entry
    for _, s in ipairs(entry[2]) do bytes = bytes + #s end
    from = entry[1]
  end
  if #entries < page then
    at_end = 1
    break
  end
  -- The next page is twice as large, if it fits judging by the previous ones.
  local fits = math.floor((budget - bytes) * #all / math.max(bytes, 1))
  page = math.max(1, math.min(2 * page, MOST_PAGE, most - #all, fits))
end
if at_end == 0 then return {all, 0} end
local info = redis.call('EXISTS', stream) == 1 and named(redis.call('XINFO', 'STREAM', stream)) or {}
return {all, 1, info['entries-added'] or -1, info['last-generated-id'] or ''}
