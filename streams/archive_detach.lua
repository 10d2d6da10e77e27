-- Removes the archive's group, so that it no longer keeps entries from being trimmed, and
-- the notes of outcomes.
-- Comes after need.lua and inspect.lua.
--
-- KEYS  1 stream  2 lease  3 notes of outcomes  4 their lease
-- ARGV  1 group  2 1: only tell what would be removed
-- Returns {what, position, 1 if entries after it are on the stream, else 0, lag}:
--   what      'detached', also if it would be; 'served' if an archiver has the lease; or
--             'none' if there is no such group
--   position  the group's last ID
--   lag       entries after it; -1 if unknown

local stream, lease, group = KEYS[1], KEYS[2], ARGV[1]

local ours = find_group(stream, group)
if not ours then
  if ARGV[2] ~= '1' and redis.call('EXISTS', KEYS[4]) == 0 then redis.call('DEL', KEYS[3]) end
  return {'none', '', 0, -1}
end
local position = ours['last-delivered-id']
local waits = #entries_after(stream, position, 1)
local lag = type(ours['lag']) == 'number' and ours['lag'] or -1
if redis.call('EXISTS', lease, KEYS[4]) > 0 then return {'served', position, waits, lag} end
if ARGV[2] ~= '1' then
  need({'XGROUP', 'DESTROY', stream, group}, {'DEL', KEYS[3]})
  redis.call('DEL', KEYS[3])
  redis.call('XGROUP', 'DESTROY', stream, group)
end
return {'detached', position, waits, lag}
