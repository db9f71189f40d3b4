-- Writes a field unless it exists, and returns what then stands.
-- KEYS: settings
-- ARGV: name, value
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
return redis.call('HGET', KEYS[1], ARGV[1])
