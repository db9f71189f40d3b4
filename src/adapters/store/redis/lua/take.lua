-- Takes due conversations, the longest overdue first, and hides each for the length of a lease.
-- KEYS: wake, holders, takes of every shard in turn
-- ARGV: holder, lease, limit
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit = tonumber(ARGV[3])
local due = {}
for shard = 1, #KEYS, 3 do
  local found = redis.call('ZRANGEBYSCORE', KEYS[shard], '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit)
  for i = 1, #found, 2 do due[#due + 1] = {tonumber(found[i + 1]), found[i], shard} end
end
table.sort(due, function(a, b)
  if a[1] ~= b[1] then return a[1] < b[1] end
  return a[2] < b[2]
end)
local taken = {}
for i = 1, math.min(limit, #due) do
  local key, shard = due[i][2], due[i][3]
  local before = redis.call('HGET', KEYS[shard + 1], key)
  redis.call('ZADD', KEYS[shard], now + ARGV[2], key)
  redis.call('HSET', KEYS[shard + 1], key, ARGV[1])
  local takes = redis.call('HINCRBY', KEYS[shard + 2], key, 1)
  taken[i] = {key, takes, before == ARGV[1] and 0 or 1, due[i][1]}
end
return taken
