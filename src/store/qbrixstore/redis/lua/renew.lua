-- renews or releases the lease of whoever holds the fence
-- KEYS: lease, meta   ARGV: fence, name, lease in ms (0: release)
-- reply: 1, or 0 when the fence was raised since
if redis.call('HGET', KEYS[2], 'fence') ~= ARGV[1] then
  return 0
end
if ARGV[3] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
