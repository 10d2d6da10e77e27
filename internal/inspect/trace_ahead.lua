-- Counts the entries between two IDs, a bounded number of them. It writes nothing.
--
-- KEYS  1 stream
-- ARGV  1, 2 IDs, both excluded  3 maximum number  4 maximum size of the entries, bytes
-- Returns {count, complete (1 | 0)}

local stream, from, to = KEYS[1], '(' .. ARGV[1], '(' .. ARGV[2]
local most, bytes, n = tonumber(ARGV[3]), tonumber(ARGV[4]), 0

while n < most and bytes > 0 do
  local page = redis.call('XRANGE', stream, from, to, 'COUNT', math.min(100, most - n))
  if #page == 0 then return {n, 1} end
  n, from = n + #page, '(' .. page[#page][1]
  for _, entry in ipairs(page) do
    for _, text in ipairs(entry[2]) do bytes = bytes - #text end
  end
end
local rest = redis.call('XRANGE', stream, from, to, 'COUNT', 1)
return {n, #rest == 0 and 1 or 0}
