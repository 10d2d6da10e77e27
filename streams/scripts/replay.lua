-- Puts dead letters back on the queue, as they are. On a stream they carry
-- `ingestion:origin`, the ID under which the record first came; it counts since
-- `returns` says the same of the new entry.
--
-- KEYS  1 queue, a stream or a list  2 dead letters  3 ledger  4 returns
-- ARGV  1 stream | list  2… IDs of dead letters
-- Returns {put back, error}
--
-- Adding, deleting and counting are one step for each letter, so running it
-- again after a lost reply puts back only what is still there. Each command that
-- writes is tried first in a form that changes nothing: a letter may not be
-- added that can't be deleted. Adding comes first: at maxmemory Redis checks a
-- script's first write only. Where no worker has opened a ledger there is nothing
-- to count in.

local queue, dead, ledger, returns, kind = KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[1]
local opened = redis.call('HEXISTS', ledger, 'epoch') == 1
local before = redis.call('HGET', ledger, 'replayed')
if before and not tonumber(before) then
  return {0, "the ledger's field `replayed` is no number"}
end

local function failed(reply) return type(reply) == 'table' and reply['err'] or nil end

-- refusal is why Redis does not take a command; nil if it does, or fails with the
-- words expected.
local function refusal(expected, ...)
  local err = failed(redis.pcall(...))
  if err and not (expected and string.find(err, expected, 1, true)) then return err end
end

local function refused()
  local why
  if kind == 'list' then
    why = refusal('WRONGTYPE', 'RPUSH', dead, '')
  else
    why = refusal('must be greater', 'XADD', queue, '0-0', 'data', '')
      or refusal(nil, 'HDEL', returns, '') or refusal(nil, 'HSET', returns, '', '') or refusal(nil, 'HDEL', returns, '')
  end
  return why or refusal(nil, 'XDEL', dead, '0-0') or (opened and refusal(nil, 'HINCRBY', ledger, 'replayed', 0) or nil)
end

-- strings are those of which netstrings consist; nil for what is none.
local function strings(text)
  local list, at = {}, 1
  while at <= #text do
    local digits = string.match(text, '^(%d+):', at)
    if not digits then return nil end
    local first = at + #digits + 1
    at = first + tonumber(digits)
    if string.sub(text, at, at) ~= ',' then return nil end
    list[#list + 1] = string.sub(text, first, at - 1)
    at = at + 1
  end
  return list
end

local MOST = 7900 -- arguments that Lua passes to a command, about

local function entry_id(text) return text and string.match(text, '^%d+%-%d+$') end

-- add puts a letter back on a stream, and returns an error.
local function add(letter)
  local args = {'data', letter['data']}
  local function with(name, value)
    if value and value ~= '' then
      args[#args + 1] = name
      args[#args + 1] = value
    end
  end
  if letter['fields'] then
    args = strings(letter['fields'])
    if not args or #args == 0 or #args % 2 == 1 then return 'its field `fields` is damaged' end
    if #args > MOST then return 'an entry of ' .. #args / 2 .. ' fields is too large to be put back' end
  else
    with('traceparent', letter['traceparent'])
    with('tracestate', letter['tracestate'])
  end
  local origin = entry_id(letter['origin']) or entry_id(letter['streamId'])
  with('ingestion:origin', origin)
  local reply = redis.pcall('XADD', queue, '*', unpack(args))
  if not failed(reply) and origin then redis.call('HSET', returns, reply, origin .. ' 0') end
  return failed(reply)
end

local function letter_of(id)
  local found = redis.pcall('XRANGE', dead, id, id)
  if failed(found) then return nil, failed(found) end
  if not found[1] then return nil end
  local letter = {}
  for i = 1, #found[1][2], 2 do letter[found[1][2][i]] = found[1][2][i + 1] end
  return letter['data'] and letter
end

local n, failure, tried = 0, '', false
for i = 2, #ARGV do
  local letter, err = letter_of(ARGV[i])
  if letter and not tried then
    local why = refused()
    if why then return {0, why} end
    tried = true
  end
  if letter then
    if kind == 'list' then err = failed(redis.pcall('RPUSH', queue, letter['data'])) else err = add(letter) end
  end
  if err then
    failure = 'the dead letter ' .. ARGV[i] .. ': ' .. err
  elseif letter then
    redis.call('XDEL', dead, ARGV[i])
    if opened then redis.call('HINCRBY', ledger, 'replayed', 1) end
    n = n + 1
  end
end
return {n, failure}
