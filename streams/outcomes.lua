-- Begins the scripts that settle entries or put them back: notes for the archive what
-- became of entries, so that a rebuild need not decide it again. Comes after need.lua.
--
-- The stream of notes exists only where the entries are archived; its reader creates and
-- trims it. The field of a note is an outcome, `returned` or `begun`, and
--   for an outcome   the IDs of entries, separated by spaces
--   for `begun`      the last entry that may have an outcome and no note (archive_notes.lua)
--   for `returned`   of an entry that the service has put back, the ID, the ID of the
--                    record's first entry, and the slot reserved in ms, or 0
-- Ingested entries have no note: they are by far the most.

-- note_outcome returns the ID of the note, or nil and an error. Without an archive it
-- does nothing.
local function note_outcome(key, outcome, ids)
  local reply = redis.pcall('XADD', key, 'NOMKSTREAM', '*', outcome, table.concat(ids, ' '))
  if type(reply) == 'table' and reply['err'] then return nil, reply end
  return reply
end
