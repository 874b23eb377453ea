-- What `assay serve` asks of a model: a request as JSON comes in, choices go out. The model is what the
-- served script returned, a language model or a function.
local assay, import = ...
local check = import "check"

local serve = {}

-- A language model of assay.lm as such a function. Log-probabilities are the model's own, whatever the
-- temperature.
local function of_lm(lm)
    local context = lm:config().ctx
    local function choice(s, i)
        local pieces = {}
        for j, token in ipairs(s.tokens[i]) do
            pieces[j] = lm:decode({ token })
        end
        return { text = table.concat(pieces), finish = s.finish[i], pieces = pieces, logprobs = s.token_logp[i] }
    end
    return function(request)
        local size = #lm:encode(request.prompt)
        if size >= context then
            check.fail("the prompt", "has %d tokens, but the model's context is %d", size, context)
        end
        local s = lm:sample({ request.prompt }, { n = request.n, temperature = request.temperature,
            top_p = request.top_p, min_p = request.min_p, rng = assay.rng(request.seed),
            max_tokens = math.min(request.max_tokens, context - math.max(size, 1)) })
        local choices = {}
        for i = 1, request.n do
            choices[i] = choice(s, i)
        end
        return choices, size
    end
end

-- The model of what a script returned.
function serve.model(value)
    if getmetatable(value) == "lm" then
        return of_lm(value)
    elseif type(value) ~= "function" then
        check.fail("the script", "must return a language model or a function (request), got %s", check.show(value))
    end
    return value
end

-- Where in the text the first of the texts begins, or nil.
local function first_of(text, stops)
    local first
    for _, stop in ipairs(stops) do
        local at = string.find(text, stop, 1, true)
        first = at and math.min(first or at, at) or first
    end
    return first
end

-- Only the pieces that begin within `size` bytes, the last one up to there.
local function trim(choice, size)
    local pieces, logprobs, at = {}, {}, 0
    for i, piece in ipairs(choice.pieces) do
        if at >= size then
            break
        end
        pieces[i], logprobs[i] = string.sub(piece, 1, size - at), choice.logprobs[i]
        at = at + #piece
    end
    choice.pieces, choice.logprobs, choice.tokens = pieces, logprobs, #pieces
end

-- A copy that ends where the request says.
local function finished(given, request)
    local choice = { text = given.text, finish = given.finish or "stop", tokens = given.tokens }
    if given.pieces and given.logprobs then
        choice.pieces, choice.logprobs, choice.tokens = given.pieces, given.logprobs, #given.pieces
    end
    local stop = first_of(choice.text, request.stop)
    if stop then
        choice.text, choice.finish = string.sub(choice.text, 1, stop - 1), "stop"
        if choice.pieces then
            trim(choice, stop - 1)
        end
    end
    for _, list in ipairs { "pieces", "logprobs" } do
        choice[list] = choice[list] and assay.json.array(table.move(choice[list], 1, #choice[list], 1, {}))
    end
    return choice
end

local function check_choice(choice, i)
    local path = "choice " .. i
    if type(choice) ~= "table" or type(choice.text) ~= "string" then
        check.fail(path, "must be a table with a text, got %s", check.show(choice))
    end
    if choice.finish ~= nil and choice.finish ~= "stop" and choice.finish ~= "length" then
        check.fail(path, "finish must be \"stop\" or \"length\", got %s", check.show(choice.finish))
    end
    if choice.pieces and choice.logprobs and #choice.pieces ~= #choice.logprobs then
        check.fail(path, "must have as many pieces as logprobs, got %d and %d", #choice.pieces, #choice.logprobs)
    end
    if choice.tokens ~= nil then
        check.whole(choice.tokens, path .. "'s tokens", 0, 2 ^ 40 | 0)
    end
end

-- The answer to a request, both JSON.
function serve.answer(model, text)
    local request = assay.json.decode(text)
    local choices, prompt_tokens = model(request)
    if type(choices) ~= "table" or #choices ~= request.n then
        check.fail("the model", "must return %d choices, got %s", request.n,
            type(choices) == "table" and #choices or check.show(choices))
    end
    local out = assay.json.array {}
    for i, choice in ipairs(choices) do
        check_choice(choice, i)
        out[i] = finished(choice, request)
    end
    return assay.json.encode { choices = out, prompt_tokens = prompt_tokens or 0 }
end

serve.model, serve.answer = check.explained(serve.model), check.explained(serve.answer)

return serve
