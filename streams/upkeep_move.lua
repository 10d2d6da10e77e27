-- Puts deferred records that are due back on the stream. The new entry has the
-- fields `ingestion:origin`, the ID of the record's first entry, and
-- `ingestion:admitAt`, the slot reserved in the customer's window. Both count because
-- `returns` says the same. No record is added that can't be removed from the set.
-- Comes after need.lua and outcomes.lua.
--
-- KEYS  1 stream  2 delayed set  3 delayed data  4 ledger  5 returns
--       6 dead letters  7 notes of outcomes
-- ARGV  1 maximum number of records  2 dead letters are kept (1 | 0)
--       3 the time in the format of dead letters  4 this worker
-- Returns {moved, due ms of the next one or -1, error, missing IDs, broken IDs}
--   missing  another client deleted their fields; they count as returned
--   broken   their fields can't be read; they count as returned, and what is left
--            becomes a dead letter

local stream, delayed, data, ledger, returns, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local outcomes, archived = KEYS[7], redis.call('EXISTS', KEYS[7]) == 1
local most, letters, time, worker = ARGV[1], ARGV[2] == '1', ARGV[3], ARGV[4]
local MOST_MS = 9007199254740991 -- exact in a number of Lua

local function failed(reply) return type(reply) == 'table' and reply['err'] or nil end

local function next_due()
  local first = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
  local at = tonumber(first[2])
  return at and at >= 0 and at <= MOST_MS and string.format('%.0f', at) or '-1'
end

local now = redis.call('TIME')
now = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'WITHSCORES', 'LIMIT', 0, most)
if #due == 0 then return {0, next_due(), '', {}, {}} end

need({'XADD', stream, '*', 'data', ''}, {'HSET', returns, '0-0', ''}, {'ZREM', delayed, '0-0'}, {'HDEL', data, '0-0'},
  {'HINCRBY', ledger, 'returned', 1}, {'HSET', ledger, 'returning', ''})
if archived then need({'XADD', outcomes, '*', 'returned', ''}) end
if letters then need({'XADD', dead, '*', 'data', ''}) end
redis.call('HLEN', returns) -- fails if it is not a hash

-- decode returns the fields of a payload by name, or nil without a body.
local function decode(payload)
  local ok, list = pcall(cjson.decode, payload)
  if not ok or type(list) ~= 'table' then return nil end
  local fields = {}
  for i = 1, #list, 2 do
    if type(list[i]) ~= 'string' or type(list[i + 1]) ~= 'string' then return nil end
    fields[list[i]] = list[i + 1]
  end
  return fields['data'] and fields
end

local function entry_id(text) return text and string.match(text, '^%d+%-%d+$') end

-- add puts a record back and returns its new ID, or nil and an error.
local function add(id, at, fields)
  local args = {'data', fields['data']}
  local function with(name, value)
    if value then
      args[#args + 1] = name
      args[#args + 1] = value
    end
  end
  local origin = entry_id(fields['origin']) or entry_id(id)
  local slot = at > 0 and at <= MOST_MS and string.format('%.0f', at)
  with('traceparent', fields['traceparent'])
  with('tracestate', fields['tracestate'])
  with('source', fields['source'])
  with('ingestion:origin', origin)
  with('ingestion:admitAt', origin and slot)
  local reply = redis.pcall('XADD', stream, '*', unpack(args))
  if failed(reply) then return nil, failed(reply) end
  if origin then redis.call('HSET', returns, reply, origin .. ' ' .. (slot or '0')) end
  if origin and archived then note_outcome(outcomes, 'returned', {reply, origin, slot or '0'}) end
  return reply
end

-- add_dead_letter writes a dead letter of what can't be read, and returns an error or nil.
local function add_dead_letter(id, payload)
  if not letters then return nil end
  return failed(redis.pcall('XADD', dead, '*', 'data', payload, 'event', 'parse_error',
    'reason', "Invalid JSON: what was kept of the deferred record can't be read",
    'streamId', id, 'deliveries', '0', 'failedAt', time, 'worker', worker))
end

local noted = redis.call('HMGET', ledger, 'returning', 'returning:next')
local moved, written, failure, missing, broken, last, least = 0, 0, '', {}, {}, nil, nil
for i = 1, #due, 2 do
  local id, at = due[i], tonumber(due[i + 1])
  local payload = redis.call('HGET', data, id)
  local fields = payload and decode(payload)
  local done = true
  if fields then
    local new, err = add(id, at, fields)
    if err then
      failure = err
      break
    end
    moved, last = moved + 1, new
    if at > 0 then least = math.min(least or at, at) end
  elseif payload then
    local err = add_dead_letter(id, payload)
    if err then
      failure, done = err, false -- it stays, without blocking others
    else
      broken[#broken + 1] = id
      if letters then written = written + 1 end
    end
  else
    missing[#missing + 1] = id
  end
  if done then
    redis.call('ZREM', delayed, id)
    redis.call('HDEL', data, id)
  end
end

local function count(field, n)
  if n > 0 then failure = failed(redis.pcall('HINCRBY', ledger, field, n)) or failure end
end
count('returned', moved + #missing + #broken)
count('dead', written)
if least then
  -- Until these are finished, the limiter may judge by their slots: upkeep_trim.lua
  -- reads the least one here, and up to which ID it applies.
  local field, note = 'returning', noted[1]
  if note then field, note = 'returning:next', noted[2] end
  least = math.min(tonumber(string.match(note or '', '^%d+') or least), least)
  failure = failed(redis.pcall('HSET', ledger, field, string.format('%.0f ', least) .. last)) or failure
end
return {moved, next_due(), failure, missing, broken}
