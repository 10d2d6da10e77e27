-- Settles a batch: what is still pending is acknowledged and counted once.
--
-- KEYS  1 stream  2 dead letters  3 delayed set  4 delayed data  5 ledger
--       6 suspects  7 returns
-- ARGV  1 group  2 consumer  3 dead letters kept at most (0: all)
--       4 number of accepted sets, then for each: outcome, n, n entry IDs
--       then the number of guarded entries, and for each:
--         outcome, entry ID, kind (dead | copy | drop | delay), due ms, n,
--         n strings: the dead letter's fields and values, or the payload to put
--         back; `copy` takes the dead letter's data from the entry itself
-- Returns {settled, group exists (1 | 0), kept IDs, lost IDs, error}
--   kept  could not be written anywhere else and so stays pending
--   lost  a refusal or deferral of an entry that is another consumer's by now
--
-- The dead letter or delayed entry is written before the entry is
-- acknowledged: at maxmemory Redis checks a script's first write only, and
-- XACK passes while XADD fails. The ledger is added to once a field, at the end:
-- by then there has been a write that passed. Running it again changes nothing.
-- Each command that writes is tried first in a form that changes nothing, so that
-- one that is refused leaves nothing half done.

local stream, dead, delayed, data, ledger = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local group, consumer, dead_max = ARGV[1], ARGV[2], tonumber(ARGV[3])
local suspects, returns = KEYS[6], KEYS[7]
local settled, exists, kept, lost, failure = 0, 1, {}, {}, ''
local counts = {} -- by field of the ledger
local at = 4

local function take()
  local value = ARGV[at]
  at = at + 1
  return value
end

-- take_list passes over n arguments and returns the places of the first and the
-- last one: copying hundreds costs as much as what is done with them.
local function take_list(n)
  at = at + n
  return at - n, at - 1
end

local function count(field, n)
  counts[field] = (counts[field] or 0) + n
end

local function failed(reply)
  if type(reply) == 'table' and reply['err'] then
    failure = reply['err']
    return true
  end
  return false
end

-- owner is the consumer that holds an entry; nil where it is not pending.
local function owner(id)
  local pending = redis.pcall('XPENDING', stream, group, id, id, 1)
  if pending['err'] then
    exists = 0
    return ''
  end
  return pending[1] and pending[1][2]
end

local full = '' -- why there is no room

-- writes says that there is room.
local function writes()
  if full ~= '' then failure = full end
  return full == ''
end

local function bury(fields, first, last)
  if not writes() or failed(redis.pcall('XADD', dead, '*', unpack(fields, first, last))) then return false end
  count('dead', 1)
  return true
end

-- copy buries an entry that was never read. One that is not one body is kept as
-- netstrings, byte for byte, and as JSON to be read by people.
local function copy(id, first, last)
  local letter = {unpack(ARGV, first, last)}
  local function with(name, value)
    letter[#letter + 1] = name
    letter[#letter + 1] = value
  end
  local found = redis.call('XRANGE', stream, id, id)
  local list = found[1] and found[1][2] or {}
  local back = redis.call('HGET', returns, id)
  local n = #list
  if back and list[n - 1] == 'ingestion:origin' then n = n - 2 end -- of ours
  local fields, bodies, exact, shown = {}, 0, {}, {}
  for i = 1, n, 2 do
    local name, value = list[i], list[i + 1]
    fields[name] = value
    if name == 'data' then bodies = bodies + 1 end
    exact[#exact + 1] = #name .. ':' .. name .. ',' .. #value .. ':' .. value .. ','
    shown[#shown + 1] = cjson.encode(name) .. ':' .. cjson.encode(value)
  end
  if bodies == 1 then
    with('data', fields['data'])
  else
    with('data', '{' .. table.concat(shown, ',') .. '}')
    with('fields', table.concat(exact))
  end
  if back then with('origin', string.match(back, '^%S+')) end
  for _, name in ipairs({'traceparent', 'tracestate'}) do
    if fields[name] then with(name, fields[name]) end
  end
  return bury(letter, 1, #letter)
end

local function delay(id, due, payload)
  if not writes() or failed(redis.pcall('HSET', data, id, payload)) then return false end
  local added = redis.pcall('ZADD', delayed, due, id)
  if failed(added) then return false end
  if added == 0 then
    -- Deferred before the group was made again, and now in place of that.
    count('returned', 1)
  end
  return true
end

-- place writes a guarded entry where it is to go from the stream.
local function place(kind, id, due, first, last)
  if kind == 'dead' then return bury(ARGV, first, last) end
  if kind == 'copy' then return copy(id, first, last) end
  if kind == 'delay' then return delay(id, due, ARGV[first]) end
  return true
end

-- What is noted of entries until they are settled.
local notes = {}
for _, key in ipairs({suspects, returns}) do
  if redis.call('EXISTS', key) == 1 then notes[#notes + 1] = key end
end

-- acknowledge counts what was still pending of the IDs, and returns how many.
local function acknowledge(outcome, ids, first, last)
  local n = 0
  for from = first, last, 1000 do
    n = n + redis.call('XACK', stream, group, unpack(ids, from, math.min(from + 999, last)))
  end
  if n > 0 then count(outcome, n) end
  settled = settled + n
  for _, key in ipairs(notes) do
    for from = first, last, 1000 do
      redis.call('HDEL', key, unpack(ids, from, math.min(from + 999, last)))
    end
  end
  return n
end

local function settle_accepted(sets)
  for _, set in ipairs(sets) do
    local outcome, first, last = unpack(set)
    if acknowledge(outcome, ARGV, first, last) < last - first + 1 then
      local reply = redis.pcall('XPENDING', stream, group)
      if type(reply) == 'table' and reply['err'] then exists = 0 end
    end
  end
end

-- settle_guarded adds the IDs that may be acknowledged to those of their outcome.
local function settle_guarded(placed)
  local seen = {}
  for _ = 1, tonumber(take()) do
    local outcome, id, kind, due = take(), take(), take(), take()
    local first, last = take_list(tonumber(take()))
    local holder = not seen[id] and owner(id)
    if not holder then
      -- Settled before: this is a repetition.
    elseif holder ~= consumer then
      lost[#lost + 1] = id
    elseif not place(kind, id, due, first, last) then
      kept[#kept + 1] = id
    else
      seen[id] = true
      placed[outcome] = placed[outcome] or {}
      table.insert(placed[outcome], id)
    end
  end
end

local function purge()
  local purged = redis.call('XTRIM', dead, 'MAXLEN', dead_max)
  if purged > 0 then count('purged', purged) end
end

-- try goes on where a step fails, so that what was done is counted all the same.
local problem
local function try(step, ...)
  local ok, what = pcall(step, ...)
  if not ok then problem = problem or what end
end

local sets, placed = {}, {}
for i = 1, tonumber(take()) do
  local outcome = take()
  sets[i] = {outcome, take_list(tonumber(take()))}
end

-- refused is why Redis does not take one of the commands; nothing is acknowledged
-- that can't be counted. Counting comes first, since it tells of maxmemory.
local function refused(guarded)
  local function refusal(expected, ...)
    local reply = redis.pcall(...)
    local err = type(reply) == 'table' and reply['err']
    if err and not (expected and string.find(err, expected, 1, true)) then return err end
  end
  local err = refusal('not an integer', 'HINCRBY', ledger, 'epoch', 0)
  if err and string.find(err, 'OOM', 1, true) then full, err = err, nil end
  err = err or refusal(nil, 'XACK', stream, group, '0-0')
  for _, key in ipairs(notes) do err = err or refusal(nil, 'HDEL', key, '') end
  if guarded and dead_max > 0 then err = err or refusal(nil, 'XTRIM', dead, 'MAXLEN', '9223372036854775807') end
  return err
end

local why = refused(ARGV[at] ~= '0')
if why then return redis.error_reply(why) end
try(settle_guarded, placed)
for outcome, ids in pairs(placed) do try(acknowledge, outcome, ids, 1, #ids) end
if not problem then try(settle_accepted, sets) end
if counts['dead'] and dead_max > 0 then try(purge) end
for field, n in pairs(counts) do try(redis.call, 'HINCRBY', ledger, field, n) end

if problem then return type(problem) == 'table' and problem or redis.error_reply(tostring(problem)) end
return {settled, exists, kept, lost, failure}
