-- Renews the lease on entries that are still this consumer's. A worker that
-- was frozen past its lease must not steal back what another has taken over.
--
-- KEYS  1 stream
-- ARGV  1 group  2 consumer  3… entry IDs
-- Returns the IDs that are not this consumer's any more.
--
-- XCLAIM drops an entry that no longer exists from the pending list (Redis 7),
-- which would hide it from the account: such entries are left as they are. An
-- entry can only be gone if it lies before the first one or not after the
-- highest ID that was ever deleted singly.

local stream, group, consumer = KEYS[1], ARGV[1], ARGV[2]

-- info comes with the bodies of two entries, which may be large, so it is asked
-- for only where something is still ours. It can't be kept from call to call:
-- what was deleted since would be dropped.
local known, first, deleted = false, nil, '0-0'
local function ask_info()
  known = true
  local reply = redis.pcall('XINFO', 'STREAM', stream)
  for i = 1, #reply, 2 do
    if reply[i] == 'first-entry' and reply[i + 1] then first = reply[i + 1][1] end
    if reply[i] == 'max-deleted-entry-id' then deleted = reply[i + 1] end
  end
end

local function parse(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end

local function before(a, b)
  local ams, aseq = parse(a)
  local bms, bseq = parse(b)
  return ams < bms or (ams == bms and aseq < bseq)
end

local function exists(id)
  if not known then ask_info() end
  if first and before(id, first) then return false end
  if first and before(deleted, id) then return true end
  return #redis.call('XRANGE', stream, id, id) > 0
end

local lost = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  local pending = redis.call('XPENDING', stream, group, id, id, 1, consumer)
  if #pending == 0 then
    lost[#lost + 1] = id
  elseif exists(id) then
    redis.call('XCLAIM', stream, group, consumer, 0, id, 'RETRYCOUNT', pending[1][4], 'JUSTID')
  end
end
return lost
