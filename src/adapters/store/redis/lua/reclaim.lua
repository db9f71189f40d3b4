-- Makes due what an earlier run of the same node held. A holder is a name, a slash and sixteen digits of its boot.
-- KEYS: wake, holders
-- ARGV: holder, name, horizon
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now + ARGV[3], 'WITHSCORES')
local count = 0
for i = 1, #found, 2 do
  local holder = redis.call('HGET', KEYS[2], found[i])
  if holder and holder ~= ARGV[1] and string.sub(holder, 1, -18) == ARGV[2] then
    if tonumber(found[i + 1]) > now then redis.call('ZADD', KEYS[1], now, found[i]) end
    count = count + 1
  end
end
return count
