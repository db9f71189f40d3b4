-- Forgets an entry about a conversation that is set aside. The last number stays for a while, so that none is given twice.
-- KEYS: entries, conversations with entries
-- ARGV: conversation, number, retention
redis.call('HDEL', KEYS[1], ARGV[2])
if redis.call('HLEN', KEYS[1]) <= 1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  redis.call('SREM', KEYS[2], ARGV[1])
end
return 1
