-- Returns the entries of a feed from a number on, as number and entry.
-- KEYS: feed
-- ARGV: first number
local entries = {}
for i, found in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1] .. '-0', '+')) do
  entries[i] = {string.sub(found[1], 1, -3), found[2][4]}
end
return entries
