-- Erases what is kept beside the record of one conversation. The last number of its feed stays: none is given twice.
-- KEYS: journal, feed, feed ids, parked, conversations with parked entries
-- ARGV: conversation
local last = redis.call('HGET', KEYS[3], 'n')
local lives = redis.call('PTTL', KEYS[3])
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('SREM', KEYS[5], ARGV[1])
if last then
  redis.call('HSET', KEYS[3], 'n', last)
  if lives > 0 then redis.call('PEXPIRE', KEYS[3], lives) end
end
return 1
