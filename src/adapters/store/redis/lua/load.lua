-- Reads record and memory of the same moment.
-- KEYS: record, memory
local stored = redis.call('HMGET', KEYS[1], 'v', 'i', 'r')
if not stored[1] then return false end
return {stored[1], stored[2], stored[3], redis.call('GET', KEYS[2])}
