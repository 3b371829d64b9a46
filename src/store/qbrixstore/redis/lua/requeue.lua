-- takes dead letters out, and puts them into the log again if so wished
-- KEYS: meta, log, dead
-- ARGV: layout, 1 to put them into the log, ids of letters...
-- reply: how many there were
local layout = redis.call('HGET', KEYS[1], 'layout')
if layout ~= ARGV[1] then
  return redis.error_reply('QBRIX_LAYOUT the shard has layout '
    .. (layout or 'none') .. ', not ' .. ARGV[1])
end
local found = 0
for i = 3, #ARGV do
  local rows = redis.call('XRANGE', KEYS[3], ARGV[i], ARGV[i])
  if rows[1] then
    found = found + 1
    local fields = rows[1][2]
    for at = 1, #fields, 2 do
      if fields[at] == 'event' and ARGV[2] == '1' then
        redis.call('XADD', KEYS[2], '*', 0, fields[at + 1])
        redis.call('HINCRBY', KEYS[1], 'events', 1)
      end
    end
    redis.call('XDEL', KEYS[3], ARGV[i])
  end
end
if found > 0 then
  local counter = ARGV[2] == '1' and 'requeued' or 'discarded'
  redis.call('HINCRBY', KEYS[1], counter, found)
end
return found
