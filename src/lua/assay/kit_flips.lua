-- What experiments on series of yes and no are composed of (kits.lua says what a kit is).
local function test_of(name, doc, p)
    return { name = name, method = "binary-bias", doc = doc, code = "return report." .. p }
end

local uniformity = test_of("uniformity", "are both answers equally frequent (exact binomial test)", "p_uniform")
uniformity.baseline = true

return {
    about = "series of yes and no",
    family = "inference",
    x = "answers",
    params = {
        { name = "answers", default = 100, min = 4, max = 100000, values = { 20, 50, 100, 300, 1000 }, log = true, doc = "answers of a series" },
        { name = "series", default = 200, min = 1, max = 1000000, doc = "series behind a share" },
        { name = "level", default = 0.05, min = 0.0001, max = 0.5, doc = "a series is rejected when its p is at most this" },
    },
    testbeds = {
        {
            name = "one that switches", title = "each answer differs from the last with a fixed chance",
            params = { { name = "switch", default = 0.6, min = 0, max = 1, values = { 0.5, 0.55, 0.6, 0.7 }, doc = "chance to switch; 0.5 is a fair coin" } },
            code = [[return inference.binary_chain { n = p.answers, switch = { p.switch }, rng = rng }]],
        },
        {
            name = "people's streaks", title = "the longer the streak, the likelier its end",
            code = [[return inference.binary_chain { n = p.answers, rng = rng }]],
        },
        {
            name = "a biased coin", title = "independent answers, one of them preferred",
            params = { { name = "yes", default = 0.6, min = 0, max = 1, values = { 0.5, 0.55, 0.6, 0.7 }, doc = "chance of yes" } },
            code = [[return rng:binomial(1, p.yes, p.answers)]],
        },
    },
    arms = {
        uniformity,
        test_of("independence", "does an answer depend on the last (G test)", "independence.p_G"),
        test_of("second order", "does it depend on the last but one, too (G test)", "markov_order2.p"),
        test_of("runs", "too many or too few runs (Wald and Wolfowitz)", "runs.p_normal"),
        test_of("Ljung-Box", "are answers correlated up to a lag of 3", "p_ljung_box"),
        test_of("blocks", "are blocks of three equally frequent", "blocks.p"),
        test_of("negative recency", "does it switch more often than its counts allow for", "alternation.p_negative_recency"),
    },
    arm_params = {},
    signature = "report",
    measures = {
        { name = "rejected", title = "share of series that the test rejects", better = "more", tolerance = 0.05 },
    },
    helpers = {},
    run = [[
        local p, rejected = cell.params, 0
        local rng = cell:rng "testbed"
        for i = 1, p.series do
            local report = inference.binary_battery(testbed(p, rng:split(i)))
            rejected = rejected + (methods[p.method](report) <= p.level and 1 or 0)
            cell:progress(i, p.series)
        end
        cell:log { rejected = rejected / p.series }]],
}
