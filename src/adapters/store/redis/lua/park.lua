-- Keeps an entry about a conversation that is set aside, and returns its number; 0 if too many are kept already.
-- The entries are a hash by number, with the last number beside them.
-- KEYS: entries, conversations with entries
-- ARGV: conversation, entry, cap
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[3]) then return 0 end
local number = redis.call('HINCRBY', KEYS[1], 'n', 1)
redis.call('HSET', KEYS[1], string.format('%.0f', number), ARGV[2])
redis.call('PERSIST', KEYS[1])
redis.call('SADD', KEYS[2], ARGV[1])
return number
