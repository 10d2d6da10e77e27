-- Begins the scripts that may create the notes of outcomes. Comes after inspect.lua.

-- begin_notes creates them if they are to be archived and do not exist. The first note
-- says up to which entry there may be outcomes without a note: the last one that was added
-- before, as far as this Redis knows.
local function begin_notes(stream, main)
  if stream == main or redis.call('EXISTS', stream) == 1 then return end
  local info = redis.call('EXISTS', main) == 1 and named(redis.call('XINFO', 'STREAM', main)) or {}
  redis.call('XADD', stream, '*', 'begun', info['last-generated-id'] or '0-0')
end
