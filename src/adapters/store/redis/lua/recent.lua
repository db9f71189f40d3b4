-- Returns the most recently changed conversations of the given shards, the newest first.
-- KEYS: recent of every shard
-- ARGV: limit
local limit = tonumber(ARGV[1])
local all = {}
for shard = 1, #KEYS do
  local found = redis.call('ZREVRANGE', KEYS[shard], 0, limit - 1, 'WITHSCORES')
  for i = 1, #found, 2 do all[#all + 1] = {found[i], tonumber(found[i + 1])} end
end
table.sort(all, function(a, b)
  if a[2] ~= b[2] then return a[2] > b[2] end
  return a[1] > b[1]
end)
local newest = {}
for i = 1, math.min(limit, #all) do newest[i] = all[i] end
return newest
