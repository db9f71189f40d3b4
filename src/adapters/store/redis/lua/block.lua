-- Takes as many as it can from a quota, up to a bound. The log is the one of quota.lua.
-- KEYS: log, bar
-- ARGV: limit, window, most
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local oldest = redis.call('LINDEX', KEYS[1], 0)
while oldest and tonumber(oldest) <= now - ARGV[2] * 1000 do
  redis.call('LPOP', KEYS[1])
  oldest = redis.call('LINDEX', KEYS[1], 0)
end
local room = tonumber(ARGV[1]) - redis.call('LLEN', KEYS[1])
local taken = math.max(0, math.min(room, tonumber(ARGV[3])))
for _ = 1, taken do redis.call('RPUSH', KEYS[1], string.format('%.0f', now)) end
if taken > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2] + 1) end
return taken
