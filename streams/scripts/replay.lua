-- Puts dead letters back on the queue, as they are. On a stream they carry
-- `origin`, the ID under which the record first came.
--
-- KEYS  1 queue, a stream or a list  2 dead letters  3 ledger
-- ARGV  1 stream | list  2… IDs of dead letters
-- Returns {put back, error}
--
-- Adding, deleting and counting are one step for each letter, so running it
-- again after a lost reply puts back only what is still there. Where no worker
-- has opened a ledger there is nothing to count in.

local queue, dead, ledger, kind = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local opened = redis.call('HEXISTS', ledger, 'epoch') == 1
local before = redis.call('HGET', ledger, 'replayed')
if before and not tonumber(before) then
  return {0, "the ledger's field `replayed` is no number"}
end

local function fields_of(entry)
  local fields = {}
  for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
  return fields
end

local function put_back(letter)
  if kind == 'list' then return redis.pcall('RPUSH', queue, letter['data']) end
  local args = {'data', letter['data']}
  local function add(name, value)
    if value and value ~= '' then
      args[#args + 1] = name
      args[#args + 1] = value
    end
  end
  add('origin', letter['origin'] or letter['streamId'])
  add('traceparent', letter['traceparent'])
  return redis.pcall('XADD', queue, '*', unpack(args))
end

local n = 0
for i = 2, #ARGV do
  local found = redis.call('XRANGE', dead, ARGV[i], ARGV[i])
  local letter = found[1] and fields_of(found[1])
  if letter and letter['data'] then
    local reply = put_back(letter)
    if type(reply) == 'table' and reply['err'] then return {n, reply['err']} end
    redis.call('XDEL', dead, ARGV[i])
    if opened then redis.call('HINCRBY', ledger, 'replayed', 1) end
    n = n + 1
  end
end
return {n, ''}
