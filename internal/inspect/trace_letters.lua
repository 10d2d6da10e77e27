-- Looks for the dead letter of an entry among a bounded number of dead letters. It writes
-- nothing.
--
-- KEYS  1 dead letters
-- ARGV  1 the first ID  2 the entry's ID  3 maximum number  4 maximum size, bytes
-- Returns {seen, next, fields, ID}
--   next    the ID to go on from; '' at the end
--   fields  names and values of the dead letter; none if it was not found
--   ID      of the dead letter; '' if it was not found

local dead, from, entry = KEYS[1], ARGV[1], ARGV[2]
local most, bytes, seen = tonumber(ARGV[3]), tonumber(ARGV[4]), 0

while seen < most and bytes > 0 do
  local page = redis.call('XRANGE', dead, from, '+', 'COUNT', math.min(20, most - seen))
  if #page == 0 then return {seen, '', {}, ''} end
  for _, letter in ipairs(page) do
    seen = seen + 1
    local list = letter[2]
    for i = 1, #list, 2 do
      bytes = bytes - #list[i + 1]
      if list[i + 1] == entry and (list[i] == 'streamId' or list[i] == 'origin') then return {seen, '', list, letter[1]} end
    end
  end
  from = '(' .. page[#page][1]
end
return {seen, from, {}, ''}
