-- http.lua -- what wrk sends: one of 5,000 requests prepared beforehand, in turn.
--
--     wrk ... -s http.lua URL -- quorum-put|quorum-get|quorum-get-local|etcd-put|etcd-get KEYS VALUE
--
-- Keys are those of redis-benchmark: key:000000000000 and so on below KEYS.

local prepared = {}
local count = 5000
local next_request = 0

local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(text)
    local out = {}
    for i = 1, #text, 3 do
        local a, b, c = text:byte(i, i + 2)
        local bits = a * 65536 + (b or 0) * 256 + (c or 0)
        for j = 3, 0, -1 do
            local digit = math.floor(bits / 64 ^ j) % 64
            local is_padding = (j == 1 and not b) or (j == 0 and not c)
            out[#out + 1] = is_padding and "=" or letters:sub(digit + 1, digit + 1)
        end
    end
    return table.concat(out)
end

local json = { ["Content-Type"] = "application/json" }

local kinds = {
    ["quorum-put"] = function(key, value)
        return wrk.format("POST", "/put", json,
            '{"key":"' .. key .. '","value":"' .. value .. '"}')
    end,
    ["quorum-get"] = function(key)
        return wrk.format("GET", "/get?key=" .. key)
    end,
    ["quorum-get-local"] = function(key)
        return wrk.format("GET", "/get?key=" .. key .. "&local=true")
    end,
    ["etcd-put"] = function(key, value)
        return wrk.format("POST", "/v3/kv/put", json,
            '{"key":"' .. base64(key) .. '","value":"' .. base64(value) .. '"}')
    end,
    ["etcd-get"] = function(key)
        return wrk.format("POST", "/v3/kv/range", json, '{"key":"' .. base64(key) .. '"}')
    end,
}

function init(arguments)
    local kind, keys, value = kinds[arguments[1]], tonumber(arguments[2]), arguments[3]
    math.randomseed(1)
    for i = 1, count do
        prepared[i] = kind(string.format("key:%012d", math.random(0, keys - 1)), value)
    end
end

function request()
    next_request = next_request % count + 1
    return prepared[next_request]
end
