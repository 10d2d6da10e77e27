-- Says how many of the entries to be read next fit into a number of bytes, so
-- that entries of many MB are not read by the hundred.
-- Comes after inspect.lua.
--
-- KEYS  1 stream
-- ARGV  1 group  2 maximum number of entries  3 bytes
-- Returns {count, 1 if the bytes limit it, else 0}. The count is 0 if there is
-- nothing to read, else at least 1: one entry is always read, however large.

local stream, most, budget = KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local group = find_group(stream, ARGV[1])
if not group then return {0, 0} end
local id = group['last-delivered-id']
local count, bytes, page = 0, 0, 1
while count < most do
  local entries = entries_after(stream, id, math.min(page, most - count))
  for _, entry in ipairs(entries) do
    for _, s in ipairs(entry[2]) do bytes = bytes + #s end
    if bytes > budget then return {math.max(count, 1), 1} end
    count, id = count + 1, entry[1]
  end
  if #entries < page then return {count, 0} end
  -- The next page is twice as large, if it fits judging by the previous ones.
  page = math.max(1, math.min(2 * page, math.floor((budget - bytes) * count / math.max(bytes, 1))))
end
return {count, 0}
