-- Moves the archive's group to an ID: everything up to there is archived.
-- Comes after inspect.lua.
--
-- KEYS  1 stream  2 lease
-- ARGV  1 group  2 who has the lease  3 ID  4 entries from the group's last ID to that
--       one, or -1 if that is unknown
-- Returns 'moved', or 'lost' if another archiver has the lease, or nobody: then nothing was
-- changed.
--
-- A group that is gone is created again. It is never moved beyond the last ID of the
-- stream. If that went back, as after a failover, entries may follow that have lower IDs
-- and are not archived.

local stream, lease = KEYS[1], KEYS[2]
local group, count = ARGV[1], tonumber(ARGV[4])

if redis.call('GET', lease) ~= ARGV[2] then return 'lost' end
local ours = find_group(stream, group)
local info = redis.call('EXISTS', stream) == 1 and named(redis.call('XINFO', 'STREAM', stream)) or {['last-generated-id'] = '0-0'}
local last, id = info['last-generated-id'], ARGV[3]
if last and last ~= '' and before(last, id) then id = last end
if not ours then
  redis.call('XGROUP', 'CREATE', stream, group, id, 'MKSTREAM')
  return 'moved'
end

-- read is how many of the entries ever added the group has passed, by which Redis tells
-- how many it has not; false if that is unknown.
local added, before_this, read = info['entries-added'], ours['entries-read'], false
if added and id == last then
  read = added
elseif added and before_this and count >= 0 then
  read = before_this + count
end

local moved = redis.pcall('XGROUP', 'SETID', stream, group, id, unpack(read and {'ENTRIESREAD', string.format('%.0f', read)} or {}))
if moved['err'] and string.find(moved['err'], 'not supported', 1, true) then -- embedded
  redis.call('XGROUP', 'DESTROY', stream, group)
  moved = redis.call('XGROUP', 'CREATE', stream, group, id)
end
if moved['err'] then return moved end
return 'moved'
