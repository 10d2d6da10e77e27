-- Begins the scripts that write more than once: where a command is refused
-- half-way, what was written before stays.

-- need ends the script before it has written anything, if the caller has no
-- right to one of the commands. Embedded servers have no rights to check.
local function need(...)
  for _, command in ipairs({...}) do
    if redis.acl_check_cmd and not redis.acl_check_cmd(unpack(command)) then
      redis.call(unpack(command)) -- it is refused, which says what is missing
    end
  end
end

