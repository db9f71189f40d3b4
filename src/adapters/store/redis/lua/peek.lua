-- Returns when the earliest due wake-ups of one shard were due, so that a caller can take the oldest of all shards.
-- KEYS: wake
-- ARGV: limit
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[1])
local due = {}
for i = 2, #found, 2 do due[#due + 1] = tonumber(found[i]) end
return due
