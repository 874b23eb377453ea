-- Parts of diffusion samplers: prints CPU seconds a pass and, where diffusion.py does the same, a number of the
-- result.
--
--   diffusion.lua pick | flow | net | plain | shifted FILE
--
-- pick: labels of shifted times for 512 states; flow: 512 x 784 states of a Gaussian of full rank from one sigma to another;
-- net: 20 calls of DPM-Solver++(2M) with an MLP, which is left in FILE for the peer; plain and shifted: DDIM of 20
-- steps with the same MLP, without and with shifted times.
local assay = require "assay"
local diffusion = assay.diffusion

-- Numbers of [-1, 1) that the peer makes alike.
local function numbers(n, first)
    local out = {}
    for i = 1, n do
        local x = math.sin((first + i) * 12.9898) * 43758.5453
        out[i] = 2 * (x - math.floor(x)) - 1
    end
    return out
end

local function table_of(rows, cols, first)
    local list, out = numbers(rows * cols, first), {}
    for i = 1, rows do
        out[i] = table.move(list, (i - 1) * cols + 1, i * cols, 1, {})
    end
    return assay.matrix(out)
end

local function mean_size(x)
    local sum = 0
    for i = 1, #x do
        for _, value in ipairs(x:row(i)) do
            sum = sum + math.abs(value)
        end
    end
    return sum / (#x * #x:row(1))
end

local function denoiser()
    local function block()
        return { "residual", { { "silu" }, { "dense", out = 256 }, { "silu" }, { "dense", out = 256 } } }
    end
    local net = assay.net.new { input = { 197 }, seed = 1, layers = { { "time", count = 64, scale = 1000 },
        { "dense", out = 256 }, block(), block(), { "silu" }, { "dense", out = 196 } } }
    net:train(table_of(8, 196, 0), nil, { prediction = "eps", noise = { kind = "discrete", N = 1000 }, steps = 1, batch = 8 })
    return net
end

local make = {}

function make.pick()
    local alpha_bar, variance = diffusion.alpha_bar { kind = "linear", N = 1000 }, numbers(512, 0)
    for i, value in ipairs(variance) do
        variance[i] = 0.9 + 0.1 * value
    end
    return function() return diffusion.ts_pick(alpha_bar, variance, 500, { window = 160, cutoff = 300 }) end,
        function(picks)
            local sum = 0
            for _, label in ipairs(picks) do
                sum = sum + label
            end
            return sum
        end
end

-- Orthonormal vectors: H = I - 2 v v^T / |v|^2.
local function reflection(n)
    local v, squares, rows = numbers(n, 1000000), 0, {}
    for i = 1, n do
        squares = squares + v[i] ^ 2
    end
    for i = 1, n do
        rows[i] = {}
        for j = 1, n do
            rows[i][j] = (i == j and 1 or 0) - 2 * v[i] * v[j] / squares
        end
    end
    return assay.matrix(rows)
end

function make.flow()
    local values, x = {}, table_of(512, 784, 0)
    for k = 1, 784 do
        values[k] = 10 / k
    end
    local gauss = { mean = numbers(784, 2000000), eigenvalues = values, vectors = reflection(784) }
    return function() return diffusion.gaussian_flow(x, 80, 3, gauss) end, mean_size
end

function make.net(file)
    local net, noise = denoiser(), table_of(256, 196, 0)
    net:save(file)
    local model = diffusion.net_eps(net, { kind = "vp_linear" })
    return function() return diffusion.sample(model, noise, { order = 2, steps = 20, t_end = 1e-3 }).x end,
        function(x) return math.log(mean_size(x)) end
end

local function shifting(mode)
    return function()
        local schedule = { kind = "discrete", N = 1000 }
        local model, alpha_bar = diffusion.net_eps_index(denoiser(), schedule), diffusion.alpha_bar(schedule)
        local noise = table_of(256, 196, 0)
        return function() return diffusion.ts_sample(model, noise, alpha_bar, { mode = mode, steps = 20 }) end
    end
end
make.plain, make.shifted = shifting "none", shifting "paper"

local task, number = make[arg[1]](arg[2])
local result = task()
local best = math.huge
for _ = 1, 5 do
    local passes, start = 0, os.clock()
    repeat
        task()
        passes = passes + 1
    until os.clock() - start > 0.1
    best = math.min(best, (os.clock() - start) / passes)
end
print(best, number and ("%.17g"):format(number(result)) or "")
