-- assay.rollout.advantage: closed forms, groups, and what is refused.
local tap = require "tap"
local assay = require "assay"
local advantage = assay.rollout.advantage

-- 2 of 8 right: m = 1/4, s^2 = 3/16, so sqrt(3) and -1 / sqrt(3).
local two = { 1, 0, 0, 1, 0, 0, 0, 0 }
local function binary(right, wrong)
    local out = {}
    for i, r in ipairs(two) do
        out[i] = r == 1 and right or wrong
    end
    return out
end
local unit = advantage(two, { ddof = 0, eps = 0 })
tap.near(unit.advantage, binary(math.sqrt(3), -1 / math.sqrt(3)), 1e-14, "grpo, ddof 0")
tap.near({ unit.mean[1], unit.std[1], unit.effective_ratio }, { 0.25, math.sqrt(3) / 4, 1 }, 1e-15, "mean, std")
local s = math.sqrt(8 / 7 * 3 / 16)
tap.near(advantage(two).advantage, binary(0.75 / (s + 1e-6), -0.25 / (s + 1e-6)), 1e-14, "grpo: ddof 1, eps 1e-6")
tap.near(advantage(two, { eps = 0.5 }).advantage, binary(0.75 / (s + 0.5), -0.25 / (s + 0.5)), 1e-14, "eps")
tap.is(advantage(two, { kind = "dr_grpo" }).advantage, binary(0.75, -0.25), "dr_grpo")
tap.near(advantage(two, { kind = "rloo" }).advantage, binary(1 - 1 / 7, -2 / 7), 1e-15, "rloo: less the mean of the others")
tap.is(advantage({ 1, -2, 0.5 }, { kind = "raft" }).advantage, { 1.0, 0.0, 0.5 }, "raft")
tap.is(advantage({ 1, 3, 3, -1, -2, -1 }, { kind = "raft", accept = "best", group_size = 3 }).advantage,
    { 0.0, 1.0, 1.0, 0.0, 0.0, 0.0 }, "raft: the best, if good")
tap.is(advantage({ 1, 2, 6 }, { kind = "reinforce" }).advantage, { 1.0, 2.0, 6.0 }, "reinforce")
tap.is(advantage({ 1, 2, 6 }, { kind = "reinforce", baseline = "batch" }).advantage, { -2.0, -1.0, 3.0 }, "the batch's mean")
tap.is(advantage({ 1, 2, 6 }, { kind = "reinforce", baseline = 0.5 }).advantage, { 0.5, 1.5, 5.5 }, "a baseline of one's own")

-- Groups by names, in any order, are those by size.
local rng = assay.rng(3)
local rewards, names, order, shuffled = {}, {}, {}, { rewards = {}, group = {} }
for i = 1, 60 do
    rewards[i] = rng:normal()
    names[i] = "p" .. (i - 1) // 6
    order[i] = (i * 7) % 60 + 1
end
for i = 1, 60 do
    shuffled.rewards[i], shuffled.group[i] = rewards[order[i]], names[order[i]]
end
for _, kind in ipairs { "grpo", "dr_grpo", "rloo" } do
    local by_size = advantage(rewards, { kind = kind, group_size = 6 }).advantage
    tap.is(advantage(rewards, { kind = kind, group = names }).advantage, by_size, kind .. ": groups by name")
    local got, most = advantage(shuffled.rewards, { kind = kind, group = shuffled.group }).advantage, 0
    for i = 1, 60 do
        most = math.max(most, math.abs(got[i] - by_size[order[i]]))
    end
    tap.ok(most < 1e-12, kind .. ": in any order", most)
    for g = 0, 9 do
        local sum = 0
        for i = 6 * g + 1, 6 * g + 6 do
            sum = sum + by_size[i]
        end
        tap.ok(math.abs(sum) < 1e-12, kind .. ": group " .. g + 1 .. " sums to 0", sum)
    end
end
local whitened = advantage(rewards, { ddof = 0, eps = 0, group_size = 6 }).advantage
for g = 0, 9 do
    local sum = 0
    for i = 6 * g + 1, 6 * g + 6 do
        sum = sum + whitened[i] ^ 2
    end
    tap.near(sum / 6, 1, 1e-12, "group " .. g + 1 .. " has variance 1")
end

-- Equal rewards: 0 and no rounding, though 0.1 + 0.1 + 0.1 is not 3 times 0.1.
for _, kind in ipairs { "grpo", "dr_grpo", "rloo" } do
    for _, n in ipairs { 3, 4, 7 } do
        local equal, zero = {}, {}
        for i = 1, n do
            equal[i], zero[i] = 0.1, 0.0
        end
        local r = advantage(equal, { kind = kind, eps = 0 })
        tap.is({ r.advantage, r.effective_ratio, r.mean, r.std }, { zero, 0.0, { 0.1 }, { 0.0 } }, kind .. ": " .. n .. " equal rewards")
    end
    tap.is(advantage({ 5, 1, 2 }, { kind = kind, group = { 1, 2, 2 } }).advantage[1], 0.0, kind .. ": alone")
    tap.is(advantage({ 5, 1, 2 }, { kind = kind, group = { 1, 2, 2 }, singleton = "raw" }).advantage[1], 5.0, kind .. ": alone, raw")
end
tap.is(advantage({ 1e-200, 2e-200 }, { eps = 0 }).advantage, { 0.0, 0.0 }, "differences whose squares are nothing")
tap.is(advantage({ 1, 1, 1, 0, 0, 0 }, { group_size = 2 }).effective_ratio, 1 / 3, "the share of groups that differ")

for _, case in ipairs {
    { "at least 1 reward", {} }, { "rewards[2] must be", { 1, 0 / 0 } }, { "rewards[1] must be", { math.huge, 0 } },
    { "group_size must divide the 3 rewards, got 2", { 1, 0, 1 }, { group_size = 2 } },
    { "group must have 3 values", { 1, 0, 1 }, { group = { 1, 1 } } },
    { "not both", { 1, 0 }, { group = { 1, 1 }, group_size = 2 } },
    { "ddof must be less than the size of each group, 2", { 1, 0 }, { ddof = 2 } },
    { "eps", { 1, 0 }, { eps = -1 } }, { "kind", { 1, 0 }, { kind = "ppo" } },
    { "accept is of", { 1, 0 }, { accept = "best" } }, { "baseline is of", { 1, 0 }, { baseline = "batch" } },
} do
    tap.error(case[1], function() advantage(case[2], case[3]) end, "refuses " .. case[1])
end
tap.done()
