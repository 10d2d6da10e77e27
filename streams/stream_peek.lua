-- Says how many of the entries that would be read next stay within a number of
-- bytes: entries of many MB must not come by the hundred.
--
-- KEYS  1 stream
-- ARGV  1 group  2 at most so many entries  3 bytes
-- Returns {count, 1 if the bytes are what bounds it, else 0}. The count is 0
-- where there is nothing to read, else 1 or more: one entry is always read,
-- however large.

local stream, group, most, budget = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local function last_delivered()
  if redis.call('EXISTS', stream) == 0 then return nil end
  for _, g in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local info = {}
    for i = 1, #g, 2 do info[g[i]] = g[i + 1] end
    if info['name'] == group then return info['last-delivered-id'] end
  end
end

local id = last_delivered()
if not id then return {0, 0} end
local count, bytes, page = 0, 0, 1
while count < most do
  local entries = redis.call('XRANGE', stream, '(' .. id, '+', 'COUNT', math.min(page, most - count))
  for _, entry in ipairs(entries) do
    for _, s in ipairs(entry[2]) do bytes = bytes + #s end
    if bytes > budget then return {math.max(count, 1), 1} end
    count, id = count + 1, entry[1]
  end
  if #entries < page then return {count, 0} end
  -- The next page may double, if it fits judging by those before.
  page = math.max(1, math.min(2 * page, math.floor((budget - bytes) * count / math.max(bytes, 1))))
end
return {count, 0}
