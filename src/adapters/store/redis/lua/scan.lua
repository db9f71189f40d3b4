-- Reads one conversation with its wake-up, of the same moment, and whether the index of changes knows it.
-- KEYS: record, memory, wake, recent
-- ARGV: conversation
-- A memory is a list of its messages, or one string.
local function memory(key)
  local kind = redis.call('TYPE', key)['ok']
  if kind == 'list' then return redis.call('LRANGE', key, 0, -1) end
  return redis.call('GET', key)
end

local stored = redis.call('HMGET', KEYS[1], 'v', 'i', 'r')
local due = redis.call('ZSCORE', KEYS[3], ARGV[1])
local listed = redis.call('ZSCORE', KEYS[4], ARGV[1])
return {stored[1], stored[2], stored[3], memory(KEYS[2]), due, listed and 1 or 0}
