-- adds the contexts of a stored HyperLogLog to those of an experiment
-- KEYS: contexts ever, a name that is free   ARGV: HyperLogLog ('': none)
-- reply: the HyperLogLog of both ('': none)
if ARGV[1] ~= '' then
  redis.call('SET', KEYS[2], ARGV[1])
  redis.call('PFMERGE', KEYS[1], KEYS[2])
  redis.call('DEL', KEYS[2])
end
return redis.call('GET', KEYS[1]) or ''
