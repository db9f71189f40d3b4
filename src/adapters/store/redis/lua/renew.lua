-- Pushes wake-ups that the caller still holds.
-- KEYS: wake, holders
-- ARGV: holder, lease, conversations...
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 3, #ARGV do
  if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[1] then
    redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2], ARGV[i])
  end
end
return 1
