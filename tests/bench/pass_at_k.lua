-- pass@k of 128 problems x 40 values of k at n = 10000: the primitive, or the textbook double loop.
-- Prints seconds a pass.
local n, problems, ks, counts = 10000, 128, {}, {}
for i = 0, problems - 1 do
    counts[i + 1] = (i * i * 37 + 11 * i) % (n // 4)
end
for j = 0, 39 do
    local k = math.floor(n ^ (j / 39))
    if k ~= ks[#ks] then
        ks[#ks + 1] = k
    end
end

local run = {}

function run.vectorised()
    return assay.inference.pass_at_k(n, counts, { k = ks }).mean
end

function run.textbook()
    local curve = {}
    for j, k in ipairs(ks) do
        local sum = 0
        for _, c in ipairs(counts) do
            local miss = 1.0
            if n - c < k then
                miss = 0.0
            else
                for i = n - c + 1, n do
                    miss = miss * (1 - k / i)
                end
            end
            sum = sum + 1 - miss
        end
        curve[j] = sum / #counts
    end
    return curve
end

local pass, passes = run[arg[1]], 0
pass()
local start = os.clock()
repeat
    pass()
    passes = passes + 1
until os.clock() - start > 0.5
print((os.clock() - start) / passes)
