-- Applications of the balance family: tables with classes.
local assay = ...
local balance = assay.balance

-- f(X, y, options)
local function on(f)
    return function(input, o)
        return f(input.X, input.y, o)
    end
end

local amounts = {
    { "amount", type = "number", min = 0, max = 1e9,
        doc = "percent of new rows: 200 is 2 a row of the class, 50 one for half of them" },
    { "n", type = "integer", min = 0, max = 1000000000, doc = "so many new rows of each class" },
    { "ratio", type = "number", min = 0, max = 1e6,
        doc = "size that a class grows to, over the largest; 1 if none of amount, n and ratio is given" },
    { "minority", type = "class", doc = "enlarge this class alone" },
}
local neighbours = {
    { "k", default = 5, min = 1, doc = "neighbours that a new row may lie towards" },
    { "clip_k", type = "flag", doc = "take all neighbours where a class has fewer than k" },
}
local segments = {
    { "gap", default = "row", choices = { "row", "attribute" }, doc = "a gap for each row or each column" },
    { "scale", default = "none", choices = { "none", "standard" },
        doc = "distances of columns as they are, or with mean 0 and variance 1" },
}
local rounding = { { "round", type = "columns", doc = "columns whose new entries are rounded to whole numbers" } }
local thinned = {
    { "percent", type = "number", above = 0,
        doc = "the smallest class in percent of what is left; 100 if n isn't given" },
    { "n", type = "integer", min = 1, doc = "so many rows are left" },
    { "minority_rows", type = "integer", min = 1, doc = "what percent is of, instead of the smallest class" },
}
local emptying = { { "allow_empty", type = "flag", doc = "a class may lose all its rows" } }

local function join(...)
    local all = {}
    for _, list in ipairs { ... } do
        table.move(list, 1, #list, #all + 1, all)
    end
    return all
end

local function made(result)
    local notes = { { "new rows", result.n_synthetic } }
    if result.no_danger then
        notes[2] = { "a class has no row in danger, so nothing was made of it", true }
    end
    return notes
end

local function undersample(input, o)
    o.percent = o.percent or not o.n and 100 or nil
    return balance.undersample(input.X, input.y, o)
end

local function between(name, title, f, more)
    return { name = name, method = "smote", title = title, input = "labelled", random = true, threads = true,
        options = join(neighbours, amounts, segments, rounding, more or {}), run = on(f), notes = made }
end

return {
    between("smote", "New rows between neighbours of small classes (SMOTE)", balance.smote),
    between("borderline-smote", "SMOTE of the rows that are in danger", balance.borderline_smote, {
        { "kind", default = 1, min = 1, max = 2, doc = "2: some new rows lie towards other classes" },
        { "m", default = 10, min = 1, doc = "neighbours among all rows that tell danger" },
        { "majority_share", default = 0.5, min = 0, max = 1, doc = "kind 2: share of rows towards other classes" },
    }),
    between("adasyn", "SMOTE, more where other classes are near (ADASYN)", balance.adasyn),
    between("safe-level-smote", "SMOTE, nearer to rows among their own class", balance.safe_level_smote),
    { name = "smotenc", method = "smote", title = "SMOTE of a table with some categories", input = "labelled",
        random = true, notes = made, run = on(balance.smotenc),
        options = join(neighbours, amounts, { segments[1] }, rounding, {
            { "nominal", type = "columns", required = true, doc = "columns of categories, texts or numbers" },
            { "ties", default = "lowest", choices = { "lowest", "random" },
                doc = "which of equally frequent categories" } }) },
    { name = "smoten", method = "smote", title = "SMOTE of a table of categories alone", input = "labelled",
        random = true, nominal = true, options = join(neighbours, amounts), run = on(balance.smoten), notes = made },
    { name = "oversample", method = "smote", title = "Copies of rows of small classes", input = "labelled",
        random = true, threads = true, options = amounts, run = on(balance.oversample), notes = made },
    between("smote-enn", "SMOTE, then edited nearest neighbours", balance.smote_enn, join({
        { "enn_k", default = 3, min = 1, doc = "neighbours that are asked whether a row is to go" } }, emptying)),
    between("smote-tomek", "SMOTE, then without Tomek links", balance.smote_tomek, emptying),
    { name = "undersample", method = "smote", title = "Fewer rows of the largest class, at random",
        input = "labelled", random = true, options = thinned, run = undersample },
    { name = "tomek-links", method = "smote", title = "Without nearest pairs of two classes", input = "labelled",
        threads = true, run = on(balance.tomek_links), options = join({
            { "remove", default = "majority", choices = { "majority", "both" }, doc = "which of a pair go" } },
            emptying),
        notes = function(result) return { { "pairs", #result.pairs } } end },
    { name = "enn", method = "smote", title = "Without rows that their neighbours contradict", input = "labelled",
        threads = true, run = on(balance.enn), options = join({
            { "k", default = 3, min = 1, doc = "neighbours that are asked" },
            { "rule", default = "all", choices = { "all", "mode" },
                doc = "a row goes if any neighbour, or most of them, has another class" },
            { "classes", default = "majority", choices = { "majority", "all" }, doc = "classes that lose rows" } },
            emptying) },
    { name = "one-sided-selection", method = "smote", title = "The largest class without what is far or noisy",
        input = "labelled", random = true, threads = true, run = on(balance.one_sided_selection), options = emptying },
}
