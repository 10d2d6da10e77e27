-- Begins the scripts that look at the state of a stream.
--
-- Entry IDs are compared as text: their two parts have 64 bits, of which a
-- number in Lua holds 53.

-- parse splits an ID, of which the second part may be missing.
local function parse(id)
  local ms, seq = string.match(id, '^(%d+)-?(%d*)$')
  return ms, seq ~= '' and seq or '0'
end

-- before says whether entry ID a is less than b.
local function before(a, b)
  local ams, aseq = parse(a)
  local bms, bseq = parse(b)
  if ams == bms then ams, bms = aseq, bseq end
  if #ams ~= #bms then return #ams < #bms end
  return ams < bms
end

-- LAST_ID is the greatest possible ID. Redis refuses an interval that begins after it, and
-- whoever may add entries may choose it.
local LAST_ID = '18446744073709551615-18446744073709551615'

-- entries_after returns the next entries after an ID, at most n.
local function entries_after(stream, id, n)
  if id == LAST_ID then return {} end
  return redis.call('XRANGE', stream, '(' .. id, '+', 'COUNT', n)
end

-- named turns alternating names and values into a table.
local function named(list)
  local values = {}
  for i = 1, #list, 2 do values[list[i]] = list[i + 1] end
  return values
end

-- groups lists what Redis knows about each consumer group of a stream.
local function groups(stream)
  local all = {}
  if redis.call('EXISTS', stream) == 0 then return all end
  for i, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do all[i] = named(group) end
  return all
end

-- find_group is one of them, or nil.
local function find_group(stream, name)
  for _, group in ipairs(groups(stream)) do
    if group['name'] == name then return group end
  end
end

