-- What experiments on tables with a rare class are composed of (kits.lua says what a kit is).
local tree_or_bayes = { "tree", "naive Bayes" }

return {
    about = "tables with a rare class",
    family = "balance",
    x = "amount",
    params = {
        { name = "classifier", default = "tree", choices = tree_or_bayes, doc = "what learns: a tree of C4.5, or naive Bayes" },
        { name = "folds", default = 5, min = 2, max = 100, doc = "of the stratified cross validation" },
    },
    testbeds = {
        {
            name = "two clouds", title = "two Gaussian clouds, one of them small",
            params = {
                { name = "rows", default = 600, min = 20, max = 1000000, values = { 200, 400, 800 }, log = true, doc = "rows of the table" },
                { name = "rare", default = 0.1, min = 0.01, max = 0.5, values = { 0.05, 0.1, 0.2 }, doc = "share of the rare class" },
                { name = "distance", default = 2.0, min = 0, max = 100, values = { 1, 2, 3 }, doc = "distance of the clouds' centres, in standard deviations" },
                { name = "columns", default = 5, min = 1, max = 1000, doc = "columns of the table" },
            },
            code = [[
                local X, y, rare = {}, {}, math.max(p.folds, math.floor(p.rare * p.rows + 0.5))
                for i = 1, p.rows do
                    X[i], y[i] = rng:normal(p.columns), i <= rare and 1 or 0
                    X[i][1] = X[i][1] + y[i] * p.distance
                end
                return X, y]],
        },
        {
            name = "pima", title = "Pima diabetes: 768 rows, 35 % with diabetes",
            code = [[return read(assay.data.load "pima", "minority")]],
        },
        {
            name = "vehicle", title = "silhouettes of vehicles: 846 rows, 24 % vans",
            code = [[return read(assay.data.load "vehicle", "van")]],
        },
        {
            name = "satimage", title = "satellite images: 6435 rows, 10 % damp grey soil",
            code = [[return read(assay.data.load "satimage", "damp_grey_soil")]],
        },
        {
            name = "a CSV file", title = "a table of your own",
            params = {
                { name = "file", default = "table.csv", doc = "a CSV file with a line of names" },
                { name = "label", default = "class", doc = "its column of classes" },
                { name = "rare_class", default = "1", doc = "the rare class, as it stands there" },
            },
            code = [[return read(assay.data.csv(p.file), p.rare_class, p.label)]],
        },
    },
    arms = {
        { name = "as it is", method = "smote", baseline = true, doc = "the training rows as they are",
            code = [[return { X = X, y = y }]] },
        { name = "copies", method = "smote", baseline = true, doc = "copies of rare rows", params = { "amount" },
            code = [[return balance.oversample(X, y, { minority = 1, amount = p.amount, rng = rng })]] },
        { name = "fewer of the rest", method = "smote", baseline = true, doc = "rows of the large class are left out at random",
            params = { "percent" },
            code = [[return balance.undersample(X, y, { percent = p.percent, rng = rng })]] },
        { name = "SMOTE", method = "smote", doc = "rows between neighbours of the rare class", params = { "amount", "k" },
            code = [[return balance.smote(X, y, { minority = 1, amount = p.amount, k = p.k, clip_k = true, rng = rng })]] },
        { name = "Borderline-SMOTE", method = "smote", doc = "only of rows among the other class", params = { "amount", "k" },
            code = [[return balance.borderline_smote(X, y, { minority = 1, amount = p.amount, k = p.k, clip_k = true, rng = rng })]] },
        { name = "ADASYN", method = "smote", doc = "more of rows with more of the other class around them", params = { "amount", "k" },
            code = [[return balance.adasyn(X, y, { minority = 1, amount = p.amount, k = p.k, clip_k = true, rng = rng })]] },
        { name = "safe-level SMOTE", method = "smote", doc = "nearer to the parent among more of its class", params = { "amount", "k" },
            code = [[return balance.safe_level_smote(X, y, { minority = 1, amount = p.amount, k = p.k, clip_k = true, rng = rng })]] },
        { name = "SMOTE and ENN", method = "smote", doc = "SMOTE, then no row that its neighbours outvote", params = { "amount", "k" },
            code = [[return balance.smote_enn(X, y, { minority = 1, amount = p.amount, k = p.k, clip_k = true, rng = rng })]] },
        { name = "SMOTE and Tomek links", method = "smote", doc = "SMOTE, then without pairs across the border", params = { "amount", "k" },
            code = [[return balance.smote_tomek(X, y, { minority = 1, amount = p.amount, k = p.k, clip_k = true, rng = rng })]] },
        { name = "Tomek links", method = "smote", doc = "rows of the large class that touch the rare one are left out",
            code = [[return balance.tomek_links(X, y)]] },
        { name = "ENN", method = "smote", doc = "rows of the large class that their neighbours outvote are left out",
            code = [[return balance.enn(X, y)]] },
    },
    arm_params = {
        amount = { default = 200, min = 1, max = 100000, values = { 50, 100, 200, 400 }, log = true, doc = "new rows, percent of the rare class" },
        k = { default = 5, min = 1, max = 1000, values = { 1, 3, 5, 10 }, doc = "neighbours that a new row may lie towards" },
        percent = { default = 100, min = 1, max = 1000, values = { 25, 50, 100 }, doc = "the rare class in percent of what is kept of the other" },
    },
    signature = "p, X, y, rng",
    measures = {
        { name = "auc", title = "area under the ROC curve", better = "more", tolerance = 0.01 },
        { name = "recall", title = "share of the rare class that is found", better = "more", tolerance = 0.02 },
        { name = "precision", title = "share of what is called rare that is", better = "more", tolerance = 0.02 },
        { name = "f1", title = "F1 of the rare class", better = "more", tolerance = 0.02 },
        { name = "g_mean", title = "geometric mean of both classes' recalls", better = "more", tolerance = 0.02 },
    },
    uses = { read = { "pima", "vehicle", "satimage", "a CSV file" } },
    helpers = {
        { name = "read", code = [[
            -- The columns of numbers as rows, and 1 for rows of the rare class.
            local function read(set, rare, label)
                local X, y, columns = {}, {}, {}
                label = label or "class"
                for name, values in assay.sorted_pairs(set) do
                    if name ~= label and type(values[1]) == "number" then
                        columns[#columns + 1] = values
                    end
                end
                for i, class in ipairs(set[label]) do
                    X[i], y[i] = {}, tostring(class) == rare and 1 or 0
                    for j, values in ipairs(columns) do
                        X[i][j] = values[i]
                    end
                end
                return X, y
            end]] },
        { name = "fold_of", code = [[
            -- The fold of each row, classes spread evenly.
            local function fold_of(y, folds, rng)
                local fold, dealt = {}, { [0] = 0, [1] = 0 }
                for _, i in ipairs(rng:permutation(#y)) do
                    local class = y[i]
                    dealt[class] = dealt[class] + 1
                    fold[i] = dealt[class] % folds + 1
                end
                return fold
            end]] },
        { name = "split", code = [[
            local function split(X, y, fold, k)
                local train, test = { X = {}, y = {} }, { X = {}, y = {} }
                for i, row in ipairs(X) do
                    local part = fold[i] == k and test or train
                    table.insert(part.X, row)
                    table.insert(part.y, y[i])
                end
                return train, test
            end]] },
        { name = "quality", code = [[
            -- Scores are chances of the rare class; above 1/2 a row is called rare.
            local function quality(score, y)
                local n, called = { [0] = 0, [1] = 0 }, { [0] = 0, [1] = 0 }
                for i, class in ipairs(y) do
                    n[class] = n[class] + 1
                    called[class] = called[class] + (score[i] > 0.5 and 1 or 0)
                end
                local recall = called[1] / n[1]
                local precision = called[1] / math.max(1, called[0] + called[1])
                return {
                    auc = balance.roc_auc(score, y), recall = recall, precision = precision,
                    f1 = 2 * called[1] / (n[1] + called[0] + called[1]),
                    g_mean = math.sqrt(recall * (1 - called[0] / n[0])),
                }
            end]] },
    },
    run = [[
        local p, score, truth = cell.params, {}, {}
        local X, y = testbed(p, cell:rng "testbed")
        local fold = fold_of(y, p.folds, cell:rng "folds")
        for k = 1, p.folds do
            local train, test = split(X, y, fold, k)
            -- rows are made of the training rows only
            local made = methods[p.method](p, train.X, train.y, cell:rng("fold " .. k))
            local learned = p.classifier == "tree" and balance.tree_fit(made.X, made.y) or balance.naive_bayes(made.X, made.y)
            local chances = learned:posterior(test.X)
            for i, class in ipairs(test.y) do
                table.insert(score, chances[i][2])
                table.insert(truth, class)
            end
            cell:progress(k, p.folds)
        end
        cell:log(quality(score, truth))]],
}
