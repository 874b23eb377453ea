-- assay-lua(3) and the library say the same: every function and method is in the page and every one
-- that the page names exists; options of a signature are those the function takes. The fields that
-- assay-experiment(5) names are those that a declaration may have.
local assay = require "assay"
local tap = require "tap"

-- The page as text: without comments, escapes and macros; a macro's arguments are joined as it joins.
local function plain(line)
    local name, rest = line:match "^%.(%u+)%s*(.*)$"
    if name and name:find "^[BIR][BIR]$" then
        local parts = {}
        for quoted, word in (rest:gsub('"([^"]*)"', function(text)
            return "\1" .. text:gsub(" ", "\2") .. "\1"
        end) .. " "):gmatch "(\1?)([^ ]+) " do
            parts[#parts + 1] = quoted .. word
        end
        rest = table.concat(parts):gsub("\1", ""):gsub("\2", " ")
    elseif not name then
        rest = line
    end
    return name, (rest:gsub("\\f.", ""):gsub("\\%-", "-"):gsub("\\%(dq", '"'):gsub("\\&", ""))
end

-- The text, and the entries of .TP: { tag, text }.
local function read(path)
    local file = assert(io.open(os.getenv "srcdir" .. "/man/" .. path))
    local text, entries, entry, tagged = {}, {}, nil, false
    for line in file:lines() do
        if not line:find '^%.\\"' then
            local macro, words = plain(line)
            text[#text + 1] = words
            if macro == "TP" then
                tagged = true
            elseif tagged then
                entry, tagged = { tag = words, text = "" }, false
                entries[#entries + 1] = entry
            elseif macro == "SH" or macro == "SS" or macro == "PP" then
                entry = nil
            elseif entry then
                entry.text = entry.text .. " " .. words
            end
        end
    end
    file:close()
    return table.concat(text, "\n"), entries
end

local text, entries = read "assay-lua.3"

-- ---- everything that is there ----

local there = {}

local function walk(table, prefix)
    for name, value in pairs(table) do
        if type(value) == "table" then
            walk(value, prefix .. name .. ".")
        else
            there[prefix .. name] = value
        end
    end
end

walk(assay, "assay.")

local function methods(of, functions)
    for name, f in pairs(functions) do
        there[of .. ":" .. name] = f
    end
end

local registry = debug.getregistry()
methods("rng", registry["assay.rng"].__index)
methods("matrix", registry["assay.matrix"].methods)
methods("row", registry["assay.row"].methods)
methods("rows", registry["assay.rows"].__index)
methods("problem", registry["assay.sat"].__index)
methods("endpoint", registry["assay.endpoint"].__index)
methods("gmm", registry["assay.gmm"].__index)
methods("net", registry["assay.net"].__index)
methods("mesh", getmetatable(assay.data.load("pointsp", { split = "sofa" })[1]).__index)
methods("tree", registry["assay.tree"].__index)
methods("bayes", registry["assay.bayes"].__index)
methods("world", registry["assay.polygenic"].__index)
methods("sel", registry["assay.saa"].__index)
methods("task", registry["assay.task"].__index)
methods("vocab", registry["assay.vocab"].__index)
methods("lm", registry["assay.lm"].__index)
methods("fit", getmetatable(assay.fit("power", { 1, 2 }, { 1, 2 })).__index)

-- ---- what the page has entries for ----

local described, signature = {}, {}
for _, entry in ipairs(entries) do
    for name in entry.tag:gmatch "[%w_.:]+" do
        if name:find "^assay%." or name:find "^%w+:%w" then
            described[name], signature[name] = entry.text, entry.tag
        end
    end
end

for name in assay.sorted_pairs(there) do
    tap.ok(described[name] and #described[name] > 3, name .. " is in the page")
end
for name in assay.sorted_pairs(described) do
    tap.ok(there[name] ~= nil, name .. " of the page exists")
end

-- Names in running text and in the example, too.
for name in (text .. "\n"):gmatch "assay%.[%a_][%w_.]*[%w_]" do
    local value = { assay = assay }
    for part in name:gmatch "[%w_]+" do
        value = type(value) == "table" and value[part] or nil
    end
    if value == nil then
        tap.ok(false, name .. " in the text of the page exists")
    end
end

for _, name in ipairs(assay.catalogue.method("monkeys").functions) do
    tap.ok(described["assay.inference." .. name], "the catalogue's " .. name .. " is in the page")
end

-- ---- options ----

local nope = "no_such_option"
local log = { { problem = 1, correct = true } }
local rows = assay.rows { { replicate = 1 } }
local sat = assay.models.sat.problem { variables = 3, clauses = 1, rng = assay.rng(1) }
local option = { [nope] = 1 }
local endpoint = assay.models.endpoint { url = "http://localhost/v1", model = "m", keep = false }
local net, x, y = assay.net.mlp { 1, 2 }, { { 0 } }, { 0 }
local lm = assay.lm.new { preset = "nano" }
local mixture = assay.gmm.new { weights = { 1 }, means = { { 0 } }, vars = { 1 } }
local gauss = { mean = { 0 }, rank = 0 }

-- The arguments with which a function meets the unknown option; several where it takes several tables.
local probes = {
    ["assay.stats.t_interval"] = { { { 1, 2 }, option } },
    ["assay.stats.paired"] = { { { 1, 2 }, { 1, 2 }, option } },
    ["assay.stats.welch"] = { { { 1, 2 }, { 1, 2 }, option } },
    ["assay.stats.wilson"] = { { 1, 2, option } },
    ["assay.stats.bootstrap"] = { { { 1, 2 }, option } },
    ["assay.fit"] = { { "power", { 1, 2 }, { 1, 2 }, option } },
    ["assay.data.load"] = { { "pima", option } },
    ["assay.data.fashion_scenes"] = { { option } },
    ["assay.data.samples"] = { { "x", option } },
    ["assay.data.table"] = { { "x.csv", option } },
    ["assay.data.write_table"] = { { "x.csv", {}, option } },
    ["assay.data.idx"] = { { "x", option } },
    ["assay.data.npy"] = { { "x", option } },
    ["assay.data.npz"] = { { "x", option } },
    ["assay.data.mesh"] = { { "x", option } },
    ["assay.data.jsonl"] = { { "x", option } },
    ["assay.data.csv"] = { { "x", option } },
    ["assay.data.text"] = { { "x", option } },
    ["assay.data.write_idx"] = { { "x", { 1 }, option } },
    ["assay.data.write_npy"] = { { "x", { 1 }, option } },
    ["assay.json.encode"] = { { 1, option } },
    ["assay.json.decode"] = { { "1", option } },
    ["rows:mean"] = { { rows, "replicate", option } },
    ["rows:fit"] = { { rows, option } },
    ["rows:compare"] = { { rows, option } },
    ["rows:estimate"] = { { rows, option } },
    ["rows:statistic"] = { { rows, option } },
    ["assay.models.sat.problem"] = { { option } },
    ["assay.models.sat.formula"] = { { option } },
    ["assay.models.endpoint"] = { { option } },
    ["endpoint:sample"] = { { endpoint, {}, option } },
    ["problem:sample"] = { { sat, option } },
    ["task:problem"] = { { assay.task "add", 1, option } },
    ["assay.net.new"] = { { option } },
    ["assay.net.mlp"] = { { { 1, 2, [nope] = 1 } } },
    ["assay.net.logistic"] = { { { 1, 2, [nope] = 1 } } },
    ["assay.net.denoiser"] = { { option } },
    ["net:predict"] = { { net, x, option } },
    ["net:features"] = { { net, x, option } },
    ["net:eps"] = { { net, x, 1, option } },
    ["net:weight_hook"] = { { net, "dense1.weight", option } },
    ["net:linear_hook"] = { { net, "dense1", option } },
    ["assay.lm.new"] = { { option } },
    ["assay.lm.count"] = { { option } },
    ["assay.lm.pick"] = { { { 1 }, option } },
    ["assay.lm.pg_loss"] = { { {}, {}, {}, {}, option } },
    ["assay.rollout.advantage"] = { { { 1 }, option } },
    ["assay.lm.check"] = { { option } },
    ["lm:train"] = { { lm, option } },
    ["lm:fakequant"] = { { lm, option } },
    ["lm:weight_hook"] = { { lm, "wte", option } },
    ["lm:lora"] = { { lm, option } },
    ["lm:slice"] = { { lm, option } },
    ["lm:sample_mdm"] = { { lm, 1, option } },
    ["lm:sample"] = { { lm, {}, option } },
    ["lm:policy_step"] = { { lm, {}, {}, option } },
    ["lm:logits"] = { { lm, {}, option } },
    ["lm:score"] = { { lm, {}, option } },
    ["lm:features"] = { { lm, {}, option } },
    ["lm:example_grad_norms"] = { { lm, {}, option } },
    ["assay.gmm.new"] = { { option } },
    ["assay.gmm.logpdf"] = { { mixture, { { 0 } }, option } },
    ["assay.gmm.responsibilities"] = { { mixture, { { 0 } }, option } },
    ["assay.gmm.score"] = { { mixture, { { 0 } }, option } },
    ["assay.gmm.eps"] = { { mixture, { { 0 } }, option } },
    ["assay.gmm.denoise"] = { { mixture, { { 0 } }, option } },
    ["assay.gmm.sample"] = { { mixture, 1, option } },
    ["assay.gmm.fit"] = { { { { 0 } }, option } },
    ["assay.diffusion.schedule"] = { { { kind = "vp_linear", [nope] = 1 } }, { { kind = "vp_cosine", [nope] = 1 } },
        { { kind = "edm", [nope] = 1 } }, { { kind = "discrete", [nope] = 1 } } },
    ["assay.diffusion.gmm_eps"] = { { mixture, { kind = "edm" }, option } },
    ["assay.diffusion.net_eps"] = { { net, { kind = "edm" }, option } },
    ["assay.diffusion.net_eps_index"] = { { net, { kind = "edm" }, option } },
    ["assay.diffusion.model"] = { { { print, [nope] = 1 } } },
    ["assay.diffusion.timesteps"] = { { { kind = "edm" }, 1, option } },
    ["assay.diffusion.karras_sigmas"] = { { 1, option } },
    ["assay.diffusion.dynamic_threshold"] = { { { { 0 } }, option } },
    ["assay.diffusion.sample"] = { { print, { { 0 } }, option } },
    ["assay.diffusion.rmse"] = { { { { 0 } }, { { 0 } }, option } },
    ["assay.diffusion.frechet"] = { { { { 0 } }, { { 0 } }, option } },
    ["assay.diffusion.frechet_gmm"] = { { { { 0 } }, mixture, option } },
    ["assay.diffusion.wasserstein_1d"] = { { { 0 }, { 0 }, option } },
    ["assay.diffusion.sliced_wasserstein"] = { { { { 0 } }, { { 0 } }, option } },
    ["assay.diffusion.mmd2"] = { { { { 0 } }, { { 0 } }, option } },
    ["assay.diffusion.nll_gap"] = { { { { 0 } }, mixture, option } },
    ["assay.diffusion.kl_gmm"] = { { { { 0 } }, mixture, option } },
    ["assay.diffusion.mode_weights"] = { { { { 0 } }, mixture, option } },
    ["assay.diffusion.loglog_slope"] = { { { 1 }, { 1 }, option } },
    ["assay.diffusion.taylor_weights"] = { { { 0 }, option } },
    ["assay.diffusion.usf_from"] = { { option } },
    ["assay.diffusion.usf_sample"] = { { print, { { 0 } }, {}, option } },
    ["assay.diffusion.usf_mutate"] = { { {}, option } },
    ["assay.diffusion.usf_crossover"] = { { {}, {}, option } },
    ["assay.diffusion.usf_search"] = { { option } },
    ["assay.diffusion.usf_predictor_train"] = { { option } },
    ["assay.diffusion.alpha_bar"] = { { { kind = "linear", [nope] = 1 } } },
    ["assay.diffusion.ts_timesteps"] = { { 10, 2, option } },
    ["assay.diffusion.ts_pick"] = { { { 0.9, 0.5 }, { 1 }, 1, option } },
    ["assay.diffusion.ts_sample"] = { { print, { { 0 } }, { 0.9, 0.5 }, option } },
    ["assay.diffusion.gaussian_fit"] = { { { { 0 } }, option } },
    ["assay.diffusion.gaussian_from_moments"] = { { { 0 }, { { 1 } }, option } },
    ["assay.diffusion.gaussian_flow"] = { { { { 0 } }, 1, 1, gauss, option } },
    ["assay.diffusion.gaussian_flow_path"] = { { { { 0 } }, { 1 }, gauss, option } },
    ["assay.diffusion.gaussian_score"] = { { { { 0 } }, 1, gauss, option } },
    ["assay.diffusion.gmm_lowrank_fit"] = { { { { 0 } }, option } },
    ["assay.diffusion.gmm_flow"] = { { { { 0 } }, 1, 1, mixture, option } },
    ["assay.diffusion.explained_variance"] = { { { { 1 } }, { { 1 } }, option } },
    ["assay.diffusion.teleport_sample"] = { { print, { { 0 } }, gauss, option } },
    ["assay.pca.fit"] = { { { { 0 } }, option } },
    ["assay.pca.project"] = { { {}, { { 0 } }, option } },
    ["assay.pca.reconstruct"] = { { {}, { { 0 } }, option } },
    ["assay.gmm.lift"] = { { mixture, { mean = { 0 }, components = { { 1 } } }, option } },
    ["assay.image.grid"] = { { { { 0 } }, option } },
    ["assay.image.points"] = { { { { { 0, 0 } } }, option } },
    ["assay.inference.coverage_grid"] = { { 1, option } },
    ["assay.inference.weighted_vote"] = { { { 1 }, { 1 }, { 1 }, option } },
    ["assay.inference.selection_curves"] = { { log, option } },
    ["assay.inference.flops"] = { { option }, { {}, option } },
    ["assay.inference.api_cost"] = { { option } },
    ["assay.inference.pass_at_k_beta"] = { { 1, option } },
    ["assay.inference.pass_at_k_kumaraswamy"] = { { 1, option } },
    ["assay.inference.resample_log"] = { { log, option } },
    ["assay.inference.temperature_softmax"] = { { { 1 }, option } },
    ["assay.inference.min_p_filter"] = { { { 1 }, option } },
    ["assay.inference.sample_token"] = { { { 1 }, option } },
    ["assay.inference.sampling_plan"] = { { option } },
    ["assay.inference.pool"] = { { print, option } },
    ["assay.inference.utility"] = { { {}, {}, option } },
    ["assay.inference.mbr"] = { { { { 1 } }, option } },
    ["assay.inference.x_mbr"] = { { { { 1 } }, {}, option } },
    ["assay.inference.mbr_curve"] = { { { { 1 } }, { 1 }, option } },
    ["assay.inference.checklist_select"] = { { { { 1 } }, option } },
    ["assay.inference.win_rate"] = { { option } },
    ["assay.inference.chops_prompt"] = { { "", {}, option } },
    ["assay.inference.chops_parse"] = { { "", option } },
    ["assay.inference.chops_select"] = { { "", {}, print, option } },
    ["assay.inference.binary_battery"] = { { { 1 }, option } },
    ["assay.inference.temperature_rate"] = { { 0.5, option } },
    ["assay.inference.parse_binary"] = { { "yes", option } },
    ["assay.inference.parse_binary_list"] = { { "yes", option } },
    ["assay.inference.collect_binary"] = { { print, option } },
    ["assay.inference.binary_chain"] = { { option } },
    ["assay.inference.random_reference"] = { { option } },
    ["assay.inference.bradley_terry"] = { { {}, {}, option } },
    ["assay.inference.top_k_precision"] = { { {}, {}, option } },
    ["assay.inference.item_search"] = { { {}, {}, option } },
    ["assay.inference.synthetic_pool"] = { { option } },
    ["assay.inference.tts_var"] = { { option } },
    ["assay.models.canvas"] = { { option } },
    ["assay.models.softmax.fit"] = { { {}, {}, option } },
    ["assay.inference.batch_schedule"] = { { option } },
    ["assay.inference.potential"] = { { {}, {}, option } },
}
for _, name in ipairs { "score_table", "score_subset", "plackett_luce", "elo", "mean_score", "separability",
    "sparsify", "informative_items", "resample", "kmeans_pp", "diversity_select", "patch_features" } do
    probes["assay.inference." .. name] = { { {}, option } }
end
for _, name in ipairs { "loss", "grad", "input_grad", "example_grad_norms", "example_grads", "last_layer", "hvp", "gradcheck", "train" } do
    probes["net:" .. name] = { { net, x, y, option } }
end
for _, name in ipairs { "smote", "smotenc", "smoten", "borderline_smote", "adasyn", "safe_level_smote", "oversample",
    "smote_enn", "smote_tomek", "undersample", "tomek_links", "enn", "one_sided_selection", "smoten_core",
    "borderline_core", "adasyn_counts", "safe_level", "tree_fit", "naive_bayes" } do
    probes["assay.balance." .. name] = { { { { 0 } }, { 0 }, option } }
end
probes["assay.balance.undersample_size"] = { { 1, 1, option } }
probes["assay.balance.knn"] = { { { { 0 } }, option } }
probes["assay.balance.smote_core"] = { { { { 0 } }, option } }
probes["assay.balance.smote_count"] = { { 1, option } }
probes["assay.balance.smotenc_core"] = { { { { 0 } }, { { 0 } }, option } }
probes["assay.balance.c45_add_errors"] = { { 1, 0, option } }
probes["assay.balance.roc_area"] = { { { { 0, 0 } }, option } }
local four, logits = { { 0, 0, 1, 1 } }, { { 0 } }
probes["assay.balance.optimal_bias"] = { { 1, 1, option } }
probes["assay.balance.initial_bce"] = { { 0.5, 0, option } }
probes["assay.balance.guided_scale"] = { { 1, 1, option } }
probes["assay.balance.effective_weights"] = { { { 1 }, option } }
probes["assay.balance.match_anchors"] = { { four, four, option } }
probes["assay.balance.box_encode"] = { { four, four, option } }
probes["assay.balance.box_decode"] = { { four, four, option } }
probes["assay.balance.smooth_l1"] = { { { 0 }, option } }
probes["assay.balance.nms"] = { { four, { 0 }, option } }
probes["assay.balance.sample_anchors"] = { { { 0 }, { 0 }, option } }
probes["assay.balance.det_loss"] = { { "bce", logits, { 0 }, option }, { "focal", logits, { 0 }, option },
    { "ghm", logits, { 0 }, option }, { "ohem", logits, { 0 }, option }, { "biased", logits, { 0 }, option } }
probes["assay.balance.ghm_box_loss"] = { { logits, option } }
probes["assay.balance.average_precision"] = { { {}, {}, option } }
probes["assay.balance.learning_curve_fit"] = { { { 1 }, { 1 }, option } }
for _, name in ipairs { "allocate", "allocate_proportional", "allocate_waterfill", "slice_tuner", "prs_expected_r2" } do
    probes["assay.balance." .. name] = { { {}, option } }
end
probes["assay.balance.allocate_equal"] = { { 1, option } }
probes["assay.balance.targeting_benefit"] = { { { 1 }, { 1 }, option } }
probes["assay.balance.polygenic_world"] = { { option } }
probes["assay.balance.equitable"] = { { { groups = 1, collect = print, performance = print }, option } }
for _, name in ipairs { "keypoint_weights", "resample", "downsample", "downsample_core", "upsample", "fill_up", "pc_normals",
    "pc_descriptor",
    "tangent_interpolate", "corrupt_rotation", "corrupt_shear", "corrupt_cutout", "corrupt_ffd", "corrupt_rbf" } do
    probes["assay.balance." .. name] = { { { { 0, 0, 0 } }, option } }
end
for name, second in pairs { fps = 1, ffps = 1, wrs = 1, corrupt = "shear" } do
    probes["assay.balance." .. name] = { { { { 0, 0, 0 } }, second, option } }
end
probes["assay.balance.wrs_core"] = { { { 1 }, { 0 }, option } }
probes["assay.balance.resample_ratio"] = { { 0, option } }
probes["mesh:sample"] = { { { vertices = { { 0, 0, 0 } }, faces = {} }, 1, option } }
local head = { classes = 1, shapes = 1, [nope] = 1 }
probes["assay.balance.detector_targets"] = { { { four }, { { 1 } }, four, option } }
probes["assay.balance.detections"] = { { { { 0, 0, 0, 0, 0 } }, four, head } }
probes["assay.balance.detector_loss"] = {}
for i, kind in ipairs { "bce", "focal", "ghm", "ohem", "biased" } do
    probes["assay.balance.detector_loss"][i] = { { { 0, 0, 0, 0, 0 } }, { 1 }, { kind = kind, [nope] = 1 } }
end
probes["assay.balance.saa"] = { { option } }
for _, name in ipairs { "otsu", "flexmatch_thresholds", "patch_mix_grid", "rand_augment", "weak_augment" } do
    probes["assay.balance." .. name] = { { { { 1 } }, option } }
end
probes["assay.balance.otsu"] = { { { 1 }, option } }
probes["assay.balance.ema_alpha"] = { { 1, option } }
probes["assay.balance.augment_cutout"] = { { { { 1 } }, option } }
probes["assay.balance.augment_op"] = { { { { 1 } }, "rotate", 1, option } }
probes["assay.balance.patch_mix"] = { { { { 1 } }, { { 1 } }, option } }
probes["assay.balance.diverse_augment"] = { { { { 1 } }, { 1 }, option } }
probes["assay.balance.fixmatch_loss"] = { { { { 1, 2 } }, { { 1, 2 } }, option } }
probes["assay.balance.naive_update"] = { { { 1 }, { 1 }, option } }
probes["assay.balance.history_update"] = { { { 1 }, { 1 }, { 1 }, option } }
probes["tree:predict"] = { { assay.balance.tree_fit({ { 0 } }, { 0 }), { { 0 } }, option } }
for _, name in ipairs { "pass_at_k", "pass_hat_k", "samples_to_reach", "fit_power_law", "fit_log_linear",
    "beta_binomial_logpmf", "kumaraswamy_binomial_logpmf", "beta_binomial_nll",
    "kumaraswamy_binomial_nll", "fit_beta_binomial", "fit_kumaraswamy_binomial", "majority_vote",
    "best_of_n", "cost_curve" } do
    probes["assay.inference." .. name] = { { { 1 }, { 1 }, option } }
end

local function sorted(names)
    table.sort(names)
    return names
end

-- What an error says there is: "(there are: a, b)".
local function named(message)
    local out, list = {}, tostring(message):match "%(there are: ([^)]*)%)" or ""
    for name in list:gmatch "[%w_]+" do
        out[#out + 1] = name
    end
    return out
end

local function accepted(f, attempts)
    local out, seen = {}, {}
    for _, arguments in ipairs(attempts) do
        local _, message = pcall(f, table.unpack(arguments))
        for _, name in ipairs(named(message)) do
            out[#out + 1] = not seen[name] and name or nil
            seen[name] = true
        end
    end
    return sorted(out)
end

for name, tag in assay.sorted_pairs(signature) do
    local options = {}
    for key in tag:gmatch "[{ ]([%a_][%w_]*)=" do
        options[#options + 1] = key
    end
    if #options > 0 or probes[name] then
        tap.ok(probes[name], name .. " has options by its signature, and a probe here")
        tap.is(sorted(options), accepted(there[name], probes[name] or {}), name .. ": options")
    end
end

-- ---- declarations: assay-experiment(5) ----

local whole = read "assay-experiment.5"

local function declared(field, declaration)
    declaration.name, declaration.run = declaration.name or "x", print
    local _, message = pcall(assay.experiment, declaration)
    local names = named(message)
    tap.ok(#names > 0, field .. ": the refusal lists the fields", tostring(message))
    return names
end

local kinds = {
    experiment = { [nope] = 1 },
    params = { params = { a = { default = 1, [nope] = 1 } } },
    limits = { limits = { [nope] = 1 } },
    figures = { figures = { { name = "a", x = "b", y = "c", [nope] = 1 } } },
    lines = { figures = { { name = "a", x = "b", y = "c", lines = { { y = 1, [nope] = 1 } } } } },
    claims = { claims = { { name = "a", text = "b", check = print, [nope] = 1 } } },
}

-- The sections in which a kind of field must be named as a word of its own.
local function section(name)
    return whole:match("\n" .. name .. "\n(.-)\n%u[%u ]+\n") or error("no section " .. name)
end

local sections = { experiment = "FIELDS", params = "FIELDS", limits = "FIELDS", claims = "FIELDS",
    figures = "FIGURES", lines = "FIGURES" }

for kind, declaration in assay.sorted_pairs(kinds) do
    for _, field in ipairs(declared(kind, declaration)) do
        tap.ok(section(sections[kind]):find("%f[%w_]" .. field .. "%f[^%w_]"),
            "assay-experiment(5) names " .. kind .. "'s " .. field)
    end
end
for name, attempts in assay.sorted_pairs(probes) do
    if name == "rows:compare" or name == "rows:estimate" or name == "rows:statistic" or name == "rows:fit" then
        for _, field in ipairs(accepted(there[name], attempts)) do
            tap.ok(section "CLAIMS":find("%f[%w_]" .. field .. "%f[^%w_]"),
                "assay-experiment(5) names the option " .. field .. " of " .. name)
        end
    end
end

tap.done()
