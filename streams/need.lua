-- Begins the scripts that write more than once: if a command is refused half-way,
-- Redis keeps what was written before.

-- need ends the script before its first write if the caller has no right to one
-- of the commands. Embedded servers have no access control.
local function need(...)
  for _, command in ipairs({...}) do
    if redis.acl_check_cmd and not redis.acl_check_cmd(unpack(command)) then
      redis.pcall(unpack(command)) -- refused, so that the server logs it
      error({err = "NOPERM the user of the script has no permissions to run the '" .. string.lower(command[1]) .. "' command"})
    end
  end
end

