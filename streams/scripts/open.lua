-- Makes the consumer group where it does not exist, and opens the ledger. Comes
-- after need.lua.
--
-- KEYS  1 stream  2 ledger  3 delayed set  4 dead letters  5 gone
-- ARGV  1 group
-- Returns {'other', name}           the ledger belongs to another service group
--         {'there', epoch, again}   the group exists
--         {'made', epoch, again, start, stream existed (1 | 0)}
--                                   the group was made; it reads after start
--   again  the last entry that there was when a group that had vanished was made
--          again: up to it entries may have been settled before; '' for none
--
-- A group that vanished is made again from the watermark below which trimming
-- has deleted everything, or from the beginning of another stream. The counts of the epoch that ended are kept under
-- `epoch:<n>:<field>`, since entries that were settled once come again.

local stream, ledger, delayed, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group = ARGV[1]

local owner = redis.call('HGET', ledger, 'group')
if owner and owner ~= group then return {'other', owner} end

local function field(reply, name)
  if type(reply) ~= 'table' then return nil end
  for i = 1, #reply, 2 do
    if reply[i] == name then return reply[i + 1] end
  end
end

local function group_exists()
  if redis.call('EXISTS', stream) == 0 then return false end
  local groups = redis.call('XINFO', 'GROUPS', stream)
  for _, g in ipairs(groups) do
    if field(g, 'name') == group then return true end
  end
  return false
end

local function open_epoch(epoch)
  local added = field(redis.pcall('XINFO', 'STREAM', stream), 'entries-added')
  local base = ''
  if added then base = added - redis.call('XLEN', stream) end
  redis.call('HSET', ledger, 'group', group, 'epoch', epoch, 'base', base,
    'returned', 0 - redis.call('ZCARD', delayed), 'dead', redis.call('XLEN', dead))
end

local epoch = tonumber(redis.call('HGET', ledger, 'epoch') or 0)

-- `legacy` is the last entry that the version before may have put back, which is
-- known by its fields alone. It is noted when this version first opens a ledger.
local function note_legacy()
  local last = epoch > 0 and redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1) or {}
  redis.call('HSET', ledger, 'legacy', last[1] and last[1][1] or '0-0')
end
if redis.call('HEXISTS', ledger, 'legacy') == 0 then note_legacy() end

if group_exists() then
  if epoch == 0 then
    epoch = 1
    open_epoch(epoch)
  end
  return {'there', epoch, redis.call('HGET', ledger, 'again') or ''}
end

local existed = redis.call('EXISTS', stream)
local start = '0'
if existed == 1 then
  start = redis.call('HGET', ledger, 'watermark') or '0'
else
  redis.call('HDEL', ledger, 'watermark')
end
need({'XGROUP', 'CREATE', stream, group, start, 'MKSTREAM'}, {'DEL', KEYS[5]}, {'HSET', ledger, 'epoch', epoch})
if epoch > 0 then need({'HDEL', ledger, 'base'}) end
redis.call('DEL', KEYS[5]) -- what was missing is of the epoch that ended
redis.call('XGROUP', 'CREATE', stream, group, start, 'MKSTREAM')
local again = ''
if epoch > 0 then
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  again = #last > 0 and last[1][1] or ''
  local all = redis.call('HGETALL', ledger)
  for i = 1, #all, 2 do
    local name = all[i]
    if name ~= 'group' and name ~= 'epoch' and name ~= 'watermark' and name ~= 'legacy' and not string.find(name, '^epoch:') and name ~= 'again' and not string.find(name, '^returning') then
      redis.call('HSET', ledger, 'epoch:' .. epoch .. ':' .. name, all[i + 1])
      redis.call('HDEL', ledger, name)
    end
  end
  redis.call('HSET', ledger, 'again', again)
end
open_epoch(epoch + 1)
return {'made', epoch + 1, again, start, existed}
