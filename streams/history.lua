-- Begins upkeep_trim.lua: adds what the ledger has counted since the last rollup to the
-- current minute and the current hour.
-- Belongs after inspect.lua.
--
-- The history of a unit is a hash used as a ring: the field of a period is its number
-- modulo the periods kept, so the hash has a fixed size without anything being deleted.
-- A value is `<start in ms> <name>=<number> …`: outcomes as increments, and what waited
-- when last seen. The field `last` is what the increments are derived from:
-- `<ms> <epoch>/<since> <name>=<total> …`. It is written with the period, in one command,
-- so nothing counts twice or not at all, whichever workers roll up and wherever they fail.

local MINUTE, HOUR = {unit = 60 * 1000, keep = 1440}, {unit = 3600 * 1000, keep = 744}
local ROLLUP_PAUSE = 2000 -- ms between two rollups, whoever makes them
local FRESH = 10 * 60 * 1000 -- ms: what an epoch younger than that has counted belongs to its first rollup

local function integer(n) return string.format('%.0f', n) end

-- numbers reads the `<name>=<number>` of a text.
local function numbers(text)
  local values = {}
  for name, n in string.gmatch(text, '(%S+)=(-?%d+)') do values[name] = tonumber(n) end
  return values
end

-- listed is the inverse, in the order of the names, without zeros except for gauges.
local function listed(values, names, gauges)
  local out = {}
  for _, name in ipairs(names) do
    if values[name] and values[name] ~= 0 then out[#out + 1] = name .. '=' .. integer(values[name]) end
  end
  for _, name in ipairs(gauges or {}) do
    if values[name] then out[#out + 1] = name .. '=' .. integer(values[name]) end
  end
  return table.concat(out, ' ')
end

-- totals reads the counts of the ledger by name, and what identifies its epoch.
local function totals(ledger, names)
  local found = redis.call('HMGET', ledger, 'epoch', 'since', unpack(names))
  local all = {epoch = tonumber(found[1] or 0), since = tonumber(found[2] or 0), counts = {}}
  all.id = integer(all.epoch) .. '/' .. (found[2] or '')
  for i, name in ipairs(names) do all.counts[name] = tonumber(found[i + 2] or 0) end
  return all
end

-- ended returns what an earlier epoch had counted when it ended.
local function ended(ledger, epoch, names)
  local fields, counts = {}, {}
  for i, name in ipairs(names) do fields[i] = 'epoch:' .. epoch .. ':' .. name end
  local found = redis.call('HMGET', ledger, unpack(fields))
  for i, name in ipairs(names) do counts[name] = tonumber(found[i] or 0) end
  return counts
end

-- increments is what was counted since the last rollup. A new epoch counts from 0.
-- Without a last rollup, an old ledger says nothing about this period.
local function increments(last, current, ledger, names, now)
  local added, was, rest = {}, {}, {}
  local id, epoch = string.match(last or '', '^%d+ ((%d+)/%S*)')
  if not id then
    if now - current.since > FRESH then return added end
  elseif id == current.id then
    was = numbers(last)
  elseif tonumber(epoch) > 0 and tonumber(epoch) < current.epoch then
    rest = ended(ledger, epoch, names)
    for name, n in pairs(numbers(last)) do rest[name] = (rest[name] or 0) - n end
  end
  for _, name in ipairs(names) do
    added[name] = math.max(0, current.counts[name] - (was[name] or 0)) + math.max(0, rest[name] or 0)
  end
  return added
end

-- add_to_period writes one period of a ring.
local function add_to_period(key, ring, current, gauges, ledger, names, now)
  local number = math.floor(now / ring.unit)
  local field, start = integer(number % ring.keep), integer(number * ring.unit)
  local last, noted = unpack(redis.call('HMGET', key, 'last', field))
  local known = noted and string.match(noted, '^%d+') == start
  local values = known and numbers(noted) or {}
  for name, n in pairs(increments(last, current, ledger, names, now)) do values[name] = (values[name] or 0) + n end
  for _, name in ipairs(gauges.names) do values[name] = gauges[name] end
  redis.call('HSET', key, field, start .. ' ' .. listed(values, names, gauges.names),
    'last', integer(now) .. ' ' .. current.id .. ' ' .. listed(current.counts, names))
  if not known then redis.pcall('PEXPIRE', key, integer((ring.keep + 1) * ring.unit)) end
end

-- gone_before says whether, in an earlier epoch, another client deleted entries.
local function gone_before(ledger, epoch)
  if epoch > 100 then return true end
  for n = 1, epoch - 1 do
    if tonumber(redis.call('HGET', ledger, 'epoch:' .. n .. ':gone') or 0) > 0 then return true end
  end
  return false
end

-- lag_of is what Redis says is undelivered, unless the ledger contradicts it: see
-- lagIsExact in snapshot.go. There entries-added is read; here it is the sum of what Redis
-- computes the lag from, since XINFO STREAM copies bodies.
local function lag_of(ours, length, ledger, current)
  local lag, read = ours['lag'], ours['entries-read']
  if type(lag) ~= 'number' or type(read) ~= 'number' then return nil end
  local found = redis.call('HMGET', ledger, 'base', 'trimmed', 'missing')
  local base = tonumber(found[1] or nil)
  if not base then return nil end
  local added = lag + read - base
  local left = added - ours['pending'] - tonumber(found[3] or 0)
  for _, n in pairs(current.counts) do left = left - n end
  if added - tonumber(found[2] or 0) ~= length or lag ~= left or gone_before(ledger, current.epoch) then return nil end
  return lag
end

-- undelivered is how many entries wait to be delivered, or nil: it counts none.
local function undelivered(stream, ours, ledger, current)
  local length, delivered = redis.call('XLEN', stream), ours['last-delivered-id']
  if length == 0 then return 0 end
  if delivered == '0-0' then return length end
  local lag = lag_of(ours, length, ledger, current)
  if lag then return lag end
  if not before(delivered, redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1][1]) then return 0 end
  if before(delivered, redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1][1]) then return length end
  return nil
end

-- roll_up updates both histories, unless that was done a moment ago. waiting has the
-- numbers of deferred records and of dead letters.
local function roll_up(stream, ledger, minutes, hours, ours, names, waiting, now)
  local last = redis.call('HGET', minutes, 'last')
  local at = tonumber(last and string.match(last, '^%d+') or nil)
  local ago = at and now - at
  if ago and ago >= 0 and ago < ROLLUP_PAUSE then return end
  local current = totals(ledger, names)
  local gauges = {names = {'undelivered', 'pending', 'delayed', 'dead'},
    undelivered = undelivered(stream, ours, ledger, current), pending = ours['pending'], delayed = waiting.delayed, dead = waiting.dead}
  add_to_period(minutes, MINUTE, current, gauges, ledger, names, now)
  add_to_period(hours, HOUR, current, gauges, ledger, names, now)
end

