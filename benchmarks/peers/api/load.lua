-- Asks for the paths of a file, in their order; WRK_DELAY_MS apart, and WRK_ONCE each. Prints the figures as JSON.
local ffi = require('ffi')
ffi.cdef([[
  typedef struct { long seconds, micros; } moment;
  int gettimeofday(moment *, void *);
]])
local AFTERWARDS = '/readyz'
local once, pause = os.getenv('WRK_ONCE') == '1', tonumber(os.getenv('WRK_DELAY_MS'))
local paths, at, answered, began = {}, 0, 0, nil

local function now()
  local moment = ffi.new('moment')
  ffi.C.gettimeofday(moment, nil)
  return tonumber(moment.seconds) + tonumber(moment.micros) / 1e6
end

function init()
  for path in io.lines(os.getenv('WRK_PATHS')) do paths[#paths + 1] = wrk.format('GET', path) end
end

function request()
  began = began or now()
  at = at + 1
  if once and at > #paths then return wrk.format('GET', AFTERWARDS) end
  return paths[(at - 1) % #paths + 1]
end

if pause > 0 then
  function delay() return pause end
end

if once then
  function response()
    answered = answered + 1
    if answered == #paths then
      io.write(string.format('all in %.6f\n', now() - began))
      io.flush()
      wrk.thread:stop()
    end
  end
end

function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    failed.connect + failed.read + failed.write + failed.status + failed.timeout))
end
