"""What the scripts of measurement share, in Lua: records, moments, and how sums are changed.

`gateway.measurement.steps` does the same in Python. All numbers are whole and below 2**53, so the
doubles of Lua are exact.
"""

LIBRARY = """
local BASE, HALF, LIMIT = 2 ^ 50, 2 ^ 25, 2 ^ 50 - 1
local given = cjson.decode(ARGV[1])
local layout = given.layout
local changed = {}

local function pack(numbers)
    local last = #numbers
    while last > 1 and numbers[last] == 0 do
        numbers[last] = nil
        last = last - 1
    end
    return cmsgpack.pack(numbers)
end

local function unpack_to(raw, size)
    local numbers = raw and cmsgpack.unpack(raw) or {}
    for i = #numbers + 1, size do numbers[i] = 0 end
    return numbers
end

-- to a sum's moments: the events, then low and high of each other moment
local function add(field, place, low, high)
    local sum = changed[field]
    if not sum then
        sum = {}
        for i = 1, 19 do sum[i] = 0 end
        changed[field] = sum
    end
    low = sum[place] + low
    if place == 1 then
        sum[1] = low
        return
    end
    local carry = math.floor(low / BASE)
    sum[place] = low - carry * BASE
    sum[place + 1] = sum[place + 1] + high + carry
end

local function add_product(field, place, v, w, sign)
    if v == 0 or w == 0 then return end
    if v < 0 then v, sign = -v, -sign end
    if w < 0 then w, sign = -w, -sign end
    local product = v * w
    if product < BASE then return add(field, place, sign * product, 0) end
    local a, c = math.floor(v / HALF), math.floor(w / HALF)
    local b, d = v - a * HALF, w - c * HALF
    local middle = a * d + b * c
    local carried = math.floor(middle / HALF)
    add(field, place, sign * ((middle - carried * HALF) * HALF + b * d), sign * (a * c + carried))
end

local function limited(v) return math.max(-LIMIT, math.min(LIMIT, v)) end

local function factors(one, values)
    local x = values[one[1] + 2]
    if one[4] == 1 then
        x = x ~= 0 and 1 or 0
    elseif one[5] > 0 then
        x = math.min(x, one[5])
    end
    local y = one[2] > 0 and values[one[2] + 2] or 0
    local z = one[3] > 0 and values[one[3] + 2] or 0
    return limited(x), limited(y), limited(z)
end

local function add_moments(field, sign, x, y, z)
    if x ~= 0 then add(field, 1, sign, 0) end
    add_product(field, 2, x, 1, sign)
    add_product(field, 4, x, x, sign)
    add_product(field, 6, y, 1, sign)
    add_product(field, 8, y, y, sign)
    add_product(field, 10, x, y, sign)
    add_product(field, 12, z, 1, sign)
    add_product(field, 14, z, z, sign)
    add_product(field, 16, x, z, sign)
    add_product(field, 18, y, z, sign)
end

-- records have the variant and the time before their values
local function add_differences(before, after)
    local variant = string.format('%d', after[1])
    local cohort = string.format('%.0f/', math.floor(after[2] / layout.cohort_s))
    for i, one in ipairs(layout.sums) do
        local a, b, c = one[1] + 2, one[2] + 2, one[3] + 2
        if before[a] ~= after[a] or (b > 2 and before[b] ~= after[b]) or (c > 2 and before[c] ~= after[c]) then
            local x, y, z = factors(one, before)
            local x2, y2, z2 = factors(one, after)
            local field = (one[6] > 0 and cohort or '') .. variant .. ':' .. (i - 1)
            add_moments(field, -1, x, y, z)
            add_moments(field, 1, x2, y2, z2)
        end
    end
    if before[2] == 0 then
        add(variant, 1, 1, 0)
        add(cohort .. variant, 1, 1, 0)
    end
end

local function copied(record)
    local copy = {}
    for i, value in ipairs(record) do copy[i] = value end
    return copy
end

local function write_sums(name)
    for field, sum in pairs(changed) do
        local kept = redis.call('HGET', name, field)
        if kept then
            local numbers = unpack_to(kept, 19)
            add(field, 1, numbers[1], 0)
            for place = 2, 18, 2 do add(field, place, numbers[place], numbers[place + 1]) end
        end
        redis.call('HSET', name, field, pack(sum))
    end
end
"""
