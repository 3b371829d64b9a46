-- marks a shard anew in which nothing waits any more
-- KEYS: meta, log, choices   ARGV: mark that it has, mark that it gets
-- reply: entries that wait to be learned or recorded, selections to be recorded;
--        the shard is marked when there are none
local mark = redis.call('HGET', KEYS[1], 'layout')
if mark ~= ARGV[1] then
  return redis.error_reply('QBRIX_LAYOUT the shard has layout ' .. (mark or 'none')
    .. ', not ' .. ARGV[1])
end
local waiting = {redis.call('XLEN', KEYS[2]), redis.call('XLEN', KEYS[3])}
if waiting[1] + waiting[2] == 0 then
  redis.call('HSET', KEYS[1], 'layout', ARGV[2])
end
return waiting
