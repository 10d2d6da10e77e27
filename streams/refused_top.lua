-- Reads the customers most refused, as of this hour.
-- Comes after refused.lua.
--
-- KEYS  1 the sketch
-- Returns customer, count and error of each, as text, in no order.

local clock = redis.call('TIME')
local _, list = read_refused(KEYS[1], math.floor(clock[1] / 3600))
local found = {}
for _, c in ipairs(list) do
  found[#found + 1] = c.id
  found[#found + 1] = string.format('%.17g', c.count)
  found[#found + 1] = string.format('%.17g', c.err)
end
return found
