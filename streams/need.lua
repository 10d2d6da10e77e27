-- Begins the scripts that write more than once: where a command is refused
-- half-way, what was written before stays.

-- need ends the script before it has written anything, if the caller has no
-- right to one of the commands. Embedded servers have no rights to check.
local function need(...)
  for _, command in ipairs({...}) do
    if redis.acl_check_cmd and not redis.acl_check_cmd(unpack(command)) then
      redis.pcall(unpack(command)) -- refused, for the server's own log
      error({err = "NOPERM the user of the script has no permissions to run the '" .. string.lower(command[1]) .. "' command"})
    end
  end
end

