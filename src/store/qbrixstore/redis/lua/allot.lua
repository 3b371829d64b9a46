-- allots calls of the minute that the server's clock shows
-- KEYS: one hash for each budget
-- ARGV: for each budget its limit, what its worker owes, the minute it owes that for,
--       how many calls wait, the least worth a round trip
-- reply: minute, its milliseconds left, then for each budget what is allotted and what
--        is left for everybody
local time = redis.call('TIME')
local seconds = tonumber(time[1])
local minute = math.floor(seconds / 60)
local passed = (seconds % 60) * 1000 + math.floor(tonumber(time[2]) / 1000)
local reply = {minute, 60000 - passed}
for i, key in ipairs(KEYS) do
  local at = (i - 1) * 5
  local limit, owed = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local waiting, least = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local held = redis.call('HMGET', key, 'minute', 'taken')
  local taken = 0
  if tonumber(held[1]) == minute then taken = tonumber(held[2]) end
  if tonumber(ARGV[at + 3]) == minute then taken = math.max(0, taken + owed) end
  local rest = math.max(0, limit - taken)
  local given = 0
  if waiting >= 0 then
    given = math.min(rest, math.max(math.ceil(rest / 4), least, waiting))
  end
  redis.call('HSET', key, 'minute', minute, 'taken', taken + given)
  redis.call('EXPIRE', key, 120)
  reply[#reply + 1] = given
  reply[#reply + 1] = rest - given
end
return reply
