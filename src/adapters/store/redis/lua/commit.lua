-- Writes one conversation in one atomic step, if it is where the caller believes it to be.
-- KEYS: record, memory, journal, wake, holders, takes, recent
-- ARGV: 1 expected, 2 commit id, 3 holder, 4 record, 5 memory op, 6 how many messages it had, 7 memory ttl, 8 wake delay
--       or '', 9 summary, 10 retention, 11 conversation, 12 nudge channel, 13 how many of its listeners are the caller's own,
--       '' where this server does not know of all, 14 journal cap, 15 the version it becomes, 16 how many messages it
--       has, 17 the commit it grew after, 18 how many pieces of memory follow, 19... these, then journal entries
-- Delays are milliseconds. The record is written last: a script that fails half-way has not moved the version.
-- A memory is a list of its messages, or one string that only the caller can read. What is written of it is what grew: each
-- byte of an argument costs Redis time here (Lua hashes it), in its log and in every copy of it.
local stored = redis.call('HMGET', KEYS[1], 'v', 'i')
local version = tonumber(stored[1] or '0')
local expected = tonumber(ARGV[1])
local becomes = tonumber(ARGV[15])
if version == becomes and stored[2] == ARGV[2] then return {'ok', version} end
if version < expected then return {'regressed', version} end
if version > expected then return {'conflict', version} end
-- Others have written, it has expired, or it is of an older desk: nothing is written, and the caller comes again with all of it.
if ARGV[5] == 'grow'
  and ((stored[2] or '') ~= ARGV[17] or redis.pcall('LLEN', KEYS[2]) ~= tonumber(ARGV[6])) then
  return {'memory', version}
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local retention = tonumber(ARGV[10])

-- Redis refuses a script for want of memory only at its first write, and only if that one may grow: so this is first.
-- Microseconds, so that the order of a list is the order of commits.
redis.call('ZADD', KEYS[7], time[1] .. string.sub('00000' .. time[2], -6), ARGV[11])
-- Every call costs about a microsecond: what may wait is done now and then. Version 1 is one of those moments.
local seldom = expected % 32 == 0
if seldom then
  redis.call('ZREMRANGEBYSCORE', KEYS[7], '-inf', string.format('%.0f', (now - retention) * 1000))
end

local pieces = tonumber(ARGV[18])
if ARGV[5] == 'put' then
  redis.call('SET', KEYS[2], ARGV[19], 'PX', ARGV[7])
elseif ARGV[5] == 'grow' or ARGV[5] == 'list' then
  if ARGV[5] == 'list' then redis.call('DEL', KEYS[2]) end
  local length = redis.call('RPUSH', KEYS[2], unpack(ARGV, 19, 18 + pieces))
  if length > tonumber(ARGV[16]) then redis.call('LTRIM', KEYS[2], -tonumber(ARGV[16]), -1) end
  redis.call('PEXPIRE', KEYS[2], ARGV[7])
elseif ARGV[5] == 'erase' then
  redis.call('DEL', KEYS[2])
end

if #ARGV > 18 + pieces then
  local length = redis.call('RPUSH', KEYS[3], unpack(ARGV, 19 + pieces))
  if length > tonumber(ARGV[14]) then redis.call('LTRIM', KEYS[3], -tonumber(ARGV[14]), -1) end
end
redis.call('PEXPIRE', KEYS[3], retention)

local lives = retention
-- Whether a wake-up stood: holder and takes are known only as long as one does.
local stood
if ARGV[8] == '' then
  stood = redis.call('ZREM', KEYS[4], ARGV[11]) == 1
  if stood then redis.call('HDEL', KEYS[5], ARGV[11]) end
else
  stood = redis.call('ZADD', KEYS[4], now + ARGV[8], ARGV[11]) == 0
  redis.call('HSET', KEYS[5], ARGV[11], ARGV[3])
  -- A record must outlive its own wake-up, or the wake-up would find nothing.
  lives = retention + tonumber(ARGV[8])
end
if stood then redis.call('HDEL', KEYS[6], ARGV[11]) end

redis.call('HSET', KEYS[1], 'v', ARGV[15], 'i', ARGV[2], 'r', ARGV[4], 's', ARGV[9])
redis.call('PEXPIRE', KEYS[1], lives)
-- A nudge is a hint: a rule that forbids publishing must not undo the commit. Where only the caller would hear it, nobody
-- is told: a desk of one node would read back each of its own commits.
local heard = ARGV[13] ~= '' and redis.pcall('PUBSUB', 'NUMSUB', ARGV[12])
if not heard or heard.err or tonumber(heard[2]) > tonumber(ARGV[13]) then
  redis.pcall('PUBLISH', ARGV[12], ARGV[3] .. ' ' .. ARGV[11])
end
return {'ok', becomes}
