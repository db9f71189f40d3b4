-- Returns conversations about which entries are kept.
-- KEYS: conversations with entries, of every shard
-- ARGV: limit
local limit = tonumber(ARGV[1])
local all = {}
for shard = 1, #KEYS do
  if #all >= limit then break end
  for _, key in ipairs(redis.call('SRANDMEMBER', KEYS[shard], limit - #all)) do all[#all + 1] = key end
end
return all
