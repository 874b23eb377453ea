# assay serve: the protocol over curl's head, and the endpoint as its client.
. "$srcdir/tests/cli/tap.sh"

cat >echo.lua <<'END'
return function(q)
  local choices = {}
  for i = 1, q.n do
    local pieces = { q.prompt, "/", tostring(q.seed), "/", tostring(i), "\nQ: more" }
    local logprobs = { -0.5, -0.25, -0.125, 0, 0, -1 }
    choices[i] = { text = table.concat(pieces), pieces = pieces, logprobs = logprobs, finish = "length" }
    if q.prompt == "short" then choices[i] = { text = "short", tokens = 1 } end
  end
  if q.prompt == "fail" then error "can't do that" end
  if q.prompt == "few" then table.remove(choices) end
  if q.prompt == "odd" then choices[1] = 7 end
  if q.prompt == "loop" then while true do end end
  return choices, 3
end
END
cat >ask.lua <<'END'
local assay = require "assay"
local json = assay.json
-- One request over a socket of bash, so that nothing of the endpoint is in the way.
function http(method, path, body, more)
  local port = os.getenv "URL":match ":(%d+)/"
  local out = assert(io.open("request", "wb"))
  out:write(method, " ", path, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ", #body, "\r\n",
    more or "", "\r\n", body)
  out:close()
  local p = assert(io.popen("bash -c 'exec 3<>/dev/tcp/127.0.0.1/" .. port .. "; cat request >&3; cat <&3'"))
  local text = p:read "a"
  p:close()
  return tonumber(text:match "^HTTP/1.1 (%d+)"), text:match "\r\n\r\n(.*)"
end
function post(path, fields)
  local status, body = http("POST", "/v1/" .. path, type(fields) == "string" and fields or json.encode(fields))
  return status, json.decode(body)
end
function refused(want, words, path, fields)
  local status, body = post(path, fields)
  local message = body.error and body.error.message or "no error"
  assert(status == want and message:find(words, 1, true), ("%s: %s, not %s: %s"):format(status, message, want, words))
end
END

serves() { # serves SCRIPT [OPTION]: $URL and $server
  : >out.serve
  "$assay" serve "$@" --port=0 >out.serve 2>err.serve &
  server=$!
  tries=400
  until [ -s out.serve ] || [ $tries = 0 ]; do sleep 0.05; tries=$((tries - 1)); done
  URL=$(sed 's/ .*//' out.serve)
  export URL
}

serves echo.lua
holds "it says where" grep -Eq '^http://127\.0\.0\.1:[0-9]+/v1 serves echo$' out.serve

asks() { # asks NAME SCRIPT: after ask.lua
  printf 'dofile "ask.lua"\nlocal assay = require "assay"\nlocal json = assay.json\n%s\n' "$2" >script.lua
  gives "$1" 0 "$assay" lua script.lua
}

asks "the models" 'local status, body = http("GET", "/v1/models", "")
assert(status == 200 and json.decode(body).data[1].id == "echo")'
asks "a text is completed" 'local status, a = post("completions", { model = "echo", prompt = "hi", n = 2, seed = 7,
  max_tokens = 9, logprobs = 0, stop = "\nQ:", stream = false })
assert(status == 200 and a.object == "text_completion" and a.model == "echo")
assert(#a.choices == 2 and a.choices[2].text == "hi/7/2" and a.choices[2].index == 1)
assert(a.choices[1].finish_reason == "stop" and #a.choices[1].logprobs.tokens == 5)
assert(a.choices[1].logprobs.token_logprobs[2] == -0.25)
assert(a.usage.prompt_tokens == 3 and a.usage.completion_tokens == 10 and a.usage.total_tokens == 13)'
asks "a chat is answered" 'local status, a = post("chat/completions", { model = "echo", logprobs = true, seed = 1,
  messages = { { role = "system", content = "be" }, { role = "user", content = "hey" } } })
assert(status == 200 and a.object == "chat.completion")
local c = a.choices[1]
assert(c.message.role == "assistant" and c.message.content == "hey/1/1\nQ: more" and c.finish_reason == "length")
assert(#c.logprobs.content == 6 and c.logprobs.content[1].token == "hey" and c.logprobs.content[1].logprob == -0.5)'
asks "  without what was not asked for" 'local _, a = post("chat/completions", { model = "echo",
  messages = { { role = "user", content = "short" } } })
assert(a.choices[1].logprobs == json.null and a.usage.completion_tokens == 1 and a.choices[1].finish_reason == "stop")'
asks "a stop within a piece cuts it" 'local _, a = post("completions", { model = "echo", prompt = "abcdef", seed = 1,
  logprobs = 1, stop = { "x", "de" } })
local c = a.choices[1]
assert(c.text == "abc" and c.logprobs.tokens[1] == "abc" and #c.logprobs.tokens == 1 and a.usage.completion_tokens == 1)'

asks "wrong requests are named" 'local ok = { model = "echo", prompt = "hi" }
local function with(name, value)
  local q = { model = "echo", prompt = "hi" }
  q[name] = value
  return q
end
refused(400, "the request is not JSON: ", "completions", "{\"model\": ")
refused(400, "must be an object, got a list", "completions", "[1]")
refused(400, "model must be given", "completions", { prompt = "hi" })
refused(404, "there is no model \"gpt\" here, only \"echo\"", "completions", { model = "gpt", prompt = "hi" })
refused(404, "there is no /v1/embeddings here", "embeddings", ok)
refused(400, "prompt must be a text, got a list", "completions", { model = "echo", prompt = { "a" } })
refused(400, "prompt must be given", "completions", { model = "echo" })
refused(400, "messages must be a list of at least one", "chat/completions", ok)
refused(400, "messages[0] must have a role and a content", "chat/completions", { model = "echo", messages = { "a" } })
refused(400, "n must be in 1..128, got 129", "completions", with("n", 129))
refused(400, "n must be an integer, got a text", "completions", with("n", "2"))
refused(400, "max_tokens must be in 1..", "completions", with("max_tokens", 0))
refused(400, "temperature must be in 0..100, got -1", "completions", with("temperature", -1))
refused(400, "top_p must be in 0..1, got 2", "completions", with("top_p", 2))
refused(400, "seed must be in 0..", "completions", with("seed", -3))
refused(400, "stop must not be empty", "completions", with("stop", ""))
refused(400, "stop must be a text or a list of texts, got an integer", "completions", with("stop", 1))
refused(400, "stream is not offered", "completions", with("stream", true))
refused(400, "logprobs must be true, false or an integer", "completions", with("logprobs", "all"))
local status, body = http("GET", "/v1/completions", "")
assert(status == 405 and body:find "wants POST")
status, body = http("POST", "/v1/completions", (" "):rep(2 ^ 20 + 1))
assert(status == 413, status)'
asks "and what the model does wrong" 'refused(400, "can'"'"'t do that", "completions", { model = "echo", prompt = "fail" })
refused(400, "the model: must return 2 choices, got 1", "completions", { model = "echo", prompt = "few", n = 2 })
refused(400, "choice 1: must be a table with a text, got 7", "completions", { model = "echo", prompt = "odd" })'
holds "  is in its own words, too" grep -q "can't do that" err.serve

cat >sample.lua <<'END'
local assay = require "assay"
for _, kind in ipairs { "chat", "text" } do
  local e = assay.models.endpoint { url = os.getenv "URL", model = "echo", kind = kind, batch = 2, keep = false }
  local log, usage = e:sample({ "a", "b" }, { n = 3, seed = 5, logprobs = true, stop = "\nQ:", max_tokens = 8 })
  assert(usage.requests == 4 and usage.retries == 0 and usage.prompt_tokens == 12)
  for i = 1, 6 do
    local prompt, sample = i <= 3 and "a" or "b", (i - 1) % 3 + 1
    assert(log.text[i] == ("%s/%d/%d"):format(prompt, log.seed[i], sample == 2 and 2 or 1), log.text[i])
    assert(log.tokens[i] == 5 and log.logprob[i] == -0.875 and log.finish[i] == "stop" and log.sample[i] == sample)
  end
end
END
gives "the endpoint samples it" 0 "$assay" lua sample.lua

# it ends when it is told to, also within a model that does not
(echo 'dofile "ask.lua" post("completions", { model = "echo", prompt = "loop" })' >loop.lua
  "$assay" lua loop.lua >/dev/null 2>&1) &
sleep 0.5
kill $server
wait $server
report $? "SIGTERM ends it, whatever the model does"
wait

# the language model that is built in: what comes over the wire is what it says itself
echo 'return require "assay".lm.new { preset = "micro", ctx = 16, seed = 3 }' >tiny.lua
cat >sample.lua <<'END'
local assay = require "assay"
local lm = dofile "tiny.lua"
local e = assay.models.endpoint { url = os.getenv "URL", model = "tiny", kind = "text", keep = false, batch = 4 }
local prompts = { "1+2=", "30+4=" }
local log = e:sample(prompts, { n = 4, seed = 9, temperature = 0.7, max_tokens = 5, logprobs = true })
for p, prompt in ipairs(prompts) do
  local own = lm:sample({ prompt }, { n = 4, temperature = 0.7, max_tokens = 5, rng = assay.rng(log.seed[4 * p]) })
  for s = 1, 4 do
    local i = 4 * (p - 1) + s
    assert(log.tokens[i] == own.length[s] and log.finish[i] == own.finish[s])
    assert(math.abs(log.logprob[i] - own.logp[s]) < 1e-9 and log.prompt_tokens[i] == #prompt)
    assert(log.text[i] == own.text[s]:gsub("~", "")) -- which is how it shows tokens that are no character
  end
end
local ok, message = pcall(e.sample, e, { ("1"):rep(16) })
assert(message:find "has 16 tokens, but the model's context is 16", message)
END
serves tiny.lua
gives "the language model is sampled" 0 "$assay" lua sample.lua
kill $server
wait $server

gives "a model that is none" 1 "$assay" serve ask.lua --port=0
err_has 'the script: must return a language model or a function \(request\), got nil'
echo 'return function(' >broken.lua
gives "a script that is none" 1 "$assay" serve broken.lua --port=0
err_has 'broken.lua:'
gives "an address of nobody" 1 "$assay" serve echo.lua --port=0 --host=192.0.2.1
err_has "can't listen on 192.0.2.1, port 0: "
gives "a port out of range" 2 "$assay" serve echo.lua --port=70000
err_has 'port must be in 0..65535, got 70000'
gives "no script" 2 "$assay" serve
serves echo.lua --host=0.0.0.0
kill $server
wait $server
report $? "on all addresses"
cp err.serve err
err_has 'whoever can reach 0.0.0.0 can use the model'
finish
