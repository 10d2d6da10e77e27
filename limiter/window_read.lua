-- Reads places of one customer around a time. It writes nothing.
--
-- KEYS  1 the limits hash {K}:limits  2 the customer's ZSET {K}:limit:<customer>
-- ARGV  1 customer  2 time in ms; 0: this server's clock
--       3 maximum number of places, half of them up to the time and half after it;
--       if there are fewer on one side, there are more on the other
--       4 a record's ID, or ''
-- Returns { now, own, places, first, place, rows }
--   now     ms, this server's clock
--   own     the customer's own limit as written, at most 64 bytes; '' if it has none
--   places  how many places the customer has; -1: the key is no ZSET
--   first   rank of the first place in rows
--   place   the highest place of the record; '' if it has none
--   rows    members and scores in turn, in order of time

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local at, most = tonumber(ARGV[2]), tonumber(ARGV[3])
if at == 0 then at = now end

local own = redis.call('HGET', KEYS[1], ARGV[1]) or ''
own = string.sub(own, 1, 64)

local size = redis.pcall('ZCARD', KEYS[2])
if type(size) == 'table' then
  if not string.find(size.err, 'WRONGTYPE', 1, true) then return size end
  return { now, own, -1, 0, '', {} }
end
if size == 0 then return { now, own, 0, 0, '', {} } end

local before = redis.call('ZCOUNT', KEYS[2], '-inf', string.format('%.0f', at))
local first = math.max(0, before - math.ceil(most / 2))
first = math.max(0, math.min(first, size - most))
local rows = redis.call('ZRANGE', KEYS[2], first, first + most - 1, 'WITHSCORES')
local place = ARGV[4] ~= '' and redis.call('ZSCORE', KEYS[2], ARGV[4]) or ''
return { now, own, size, first, place, rows }
