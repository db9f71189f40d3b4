-- Appends to a feed unless an entry of the same id is there, and returns the entry's number.
-- The feed is a stream whose ids are the numbers; the ids of its entries are a hash beside it, with the last number.
-- KEYS: feed, feed ids
-- ARGV: id, entry, cap, retention
local known = redis.call('HGET', KEYS[2], 'i:' .. ARGV[1])
if known then return tonumber(known) end
local number = redis.call('HINCRBY', KEYS[2], 'n', 1)
redis.call('HSET', KEYS[2], 'i:' .. ARGV[1], number)
redis.call('XADD', KEYS[1], string.format('%.0f-0', number), 'i', ARGV[1], 'e', ARGV[2])
local over = redis.call('XLEN', KEYS[1]) - ARGV[3]
if over > 0 then
  for _, old in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', over)) do
    redis.call('HDEL', KEYS[2], 'i:' .. old[2][2])
    redis.call('XDEL', KEYS[1], old[1])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return number
