-- Erases everything about one conversation.
-- KEYS: record, memory, journal, feed, feed ids, wake, holders, takes, recent, parked, conversations with parked entries
-- ARGV: conversation
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[10])
redis.call('ZREM', KEYS[6], ARGV[1])
redis.call('HDEL', KEYS[7], ARGV[1])
redis.call('HDEL', KEYS[8], ARGV[1])
redis.call('ZREM', KEYS[9], ARGV[1])
redis.call('SREM', KEYS[11], ARGV[1])
return 1
