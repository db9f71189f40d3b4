-- Reads record and memory of the same moment.
-- KEYS: record, memory
-- A memory is a list of its messages, or one string.
local function memory(key)
  local kind = redis.call('TYPE', key)['ok']
  if kind == 'list' then return redis.call('LRANGE', key, 0, -1) end
  return redis.call('GET', key)
end

local stored = redis.call('HMGET', KEYS[1], 'v', 'i', 'r')
if not stored[1] then return false end
return {stored[1], stored[2], stored[3], memory(KEYS[2])}
