-- Puts dead letters back on the queue, unchanged or with another body. A new stream
-- entry has the field `ingestion:origin`, the ID of the record's first entry, which
-- counts because `returns` says the same.
-- Comes after need.lua and outcomes.lua.
--
-- KEYS  1 queue, a stream or a list  2 dead letters  3 ledger  4 returns
--       5 notes of outcomes
-- ARGV  1 stream | list  2 `edited` if the body is another, or empty  3 the other body
--       4… IDs of dead letters
-- Returns {put back, error, left, why}: an error ends the call; dead letters that
-- can't be put back are left, and `why` is the reason for the first one.
--
-- Adding, deleting and counting are one step for each dead letter, so running it
-- again after a lost reply puts back only those still there. Nothing is added that
-- can't be deleted. If no worker has opened a ledger there is nothing to count in.

local queue, dead, ledger, returns, outcomes, kind = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], ARGV[1]
local opened = redis.call('HEXISTS', ledger, 'epoch') == 1
local before = redis.call('HGET', ledger, 'replayed')
if before and not tonumber(before) then
  return {0, "the ledger's field `replayed` is not a number"}
end

local edited, body = ARGV[2] == 'edited', ARGV[3]

local function failed(reply) return type(reply) == 'table' and reply['err'] or nil end

need({'XDEL', dead, '0-0'})
if opened then need({'HINCRBY', ledger, 'replayed', 1}) end
if kind ~= 'list' then
  need({'HSET', returns, '0-0', ''})
  need({'XADD', outcomes, '*', 'returned', ''})
  redis.call('HLEN', returns) -- fails if it is not a hash
end

-- strings decodes netstrings; nil if they are malformed.
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

local MOST = 7900 -- about how many arguments Lua passes to a command

local function entry_id(text) return text and string.match(text, '^%d+%-%d+$') end

local function origin_of(letter) return entry_id(letter['origin']) or entry_id(letter['streamId']) end

-- command returns the command that puts a letter back, or nil and why there is none.
local function command(letter)
  if kind == 'list' then return {'RPUSH', queue, letter['data']} end
  local args = {'XADD', queue, '*'}
  local function with(name, value)
    if value and value ~= '' then
      args[#args + 1] = name
      args[#args + 1] = value
    end
  end
  if letter['fields'] then
    local fields = strings(letter['fields'])
    if not fields or #fields == 0 or #fields % 2 == 1 then return nil, 'its field `fields` is damaged' end
    if #fields > MOST then return nil, 'an entry of ' .. #fields / 2 .. ' fields is too large to be put back' end
    for _, s in ipairs(fields) do args[#args + 1] = s end
  else
    args[4], args[5] = 'data', letter['data']
    with('traceparent', letter['traceparent'])
    with('tracestate', letter['tracestate'])
    with('source', letter['source'])
  end
  with('ingestion:origin', origin_of(letter))
  return args
end

-- note records in `returns` that the service has put the new entry back.
local function note(letter, id)
  local origin = kind ~= 'list' and origin_of(letter)
  if not origin then return end
  redis.call('HSET', returns, id, origin .. ' 0')
  note_outcome(outcomes, 'returned', {id, origin, '0'})
end

local function letter_of(id)
  local found = redis.pcall('XRANGE', dead, id, id)
  if failed(found) then return nil, failed(found) end
  if not found[1] then return nil end
  local letter = {}
  for i = 1, #found[1][2], 2 do letter[found[1][2][i]] = found[1][2][i + 1] end
  if not letter['data'] then return nil end
  if edited then letter['data'], letter['fields'] = body, nil end
  return letter
end

local n, left, why = 0, 0, ''
for i = 4, #ARGV do
  local letter, unfit = letter_of(ARGV[i])
  local args
  if letter then args, unfit = command(letter) end
  if unfit then
    left = left + 1
    if left == 1 then why = 'the dead letter ' .. ARGV[i] .. ': ' .. unfit end
  elseif letter then
    local reply = redis.pcall(unpack(args))
    if failed(reply) then return {n, failed(reply), left, why} end
    note(letter, reply)
    redis.call('XDEL', dead, ARGV[i])
    if opened then redis.call('HINCRBY', ledger, 'replayed', 1) end
    n = n + 1
  end
end
return {n, '', left, why}
