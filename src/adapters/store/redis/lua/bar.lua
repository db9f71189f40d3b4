-- Uses up a quota. A bar that stands for longer is left standing.
-- KEYS: bar
-- ARGV: ttl
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
return 1
