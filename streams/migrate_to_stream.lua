-- Moves records from the head of a list to a stream, in their order.
-- Comes after need.lua.
--
-- KEYS  1 list  2… the partitions' streams
-- ARGV  for each record: the index of its partition, from 1; its body
-- Returns {moved, error}. It moves the records up to the first one that is no longer where
-- the caller saw it, so it never moves another one than it was told to.
--
-- Adding and removing are one step for each record. So running it again after a lost reply
-- moves only what is still at the head and the same.

local list = KEYS[1]

need({'LPOP', list})
for i = 2, #KEYS do need({'XADD', KEYS[i], '*', 'data', ''}) end

local moved = 0
for i, body in ipairs(redis.call('LRANGE', list, 0, #ARGV / 2 - 1)) do
  if body ~= ARGV[2 * i] then break end
  local reply = redis.pcall('XADD', KEYS[1 + tonumber(ARGV[2 * i - 1])], '*', 'data', body)
  if type(reply) == 'table' and reply['err'] then return {moved, reply['err']} end
  redis.call('LPOP', list)
  moved = moved + 1
end
return {moved, ''}
